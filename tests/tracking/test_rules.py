"""Human or machine: one table a rule."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.factories.tracking import CHROME
from tpma.core.errors import Invalid, NotFound
from tpma.tracking import networks
from tpma.tracking.models import EventType, Verdict
from tpma.tracking.rules import (
    Around,
    Event,
    Ruling,
    Trap,
    Visit,
    agent_family,
    allowed_target,
    bursts,
    gateways,
    ip_prefix,
    judge,
    signs_of,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def visit(**given) -> Visit:
    return Visit(**{"at": NOW, "agent": CHROME} | given)


def classify(kind: EventType, seen: Visit, **around) -> Ruling:
    return judge(Event(kind, seen.at, signs=signs_of(seen)), Around(**around))


def ago(**span) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    ("method", "purpose", "verdict"),
    [
        ("GET", "", Verdict.HUMAN),
        ("HEAD", "", Verdict.BOT),
        ("OPTIONS", "", Verdict.BOT),
        ("PROPFIND", "", Verdict.BOT),
        ("GET", "prefetch", Verdict.BOT),
        ("GET", "Prefetch;prerender", Verdict.BOT),
        ("GET", "preview", Verdict.HUMAN),
    ],
)
def test_bot_01_who_only_looks_ahead_is_a_machine(method, purpose, verdict):
    ruling = classify(EventType.CLICK, visit(method=method, purpose=purpose))
    assert ruling.verdict is verdict
    assert ruling.rule == ("BOT-01/2" if verdict is Verdict.BOT else "")


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ("", Verdict.BOT),
        ("   ", Verdict.BOT),
        ("curl/8.5.0", Verdict.BOT),
        ("python-requests/2.32", Verdict.BOT),
        ("Go-http-client/2.0", Verdict.BOT),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", Verdict.SCANNER),
        ("Mozilla/5.0 (X11) Mimecast/2", Verdict.SCANNER),
        ("Mozilla/5.0 (Windows NT 10.0) SafeLinks", Verdict.SCANNER),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", Verdict.SCANNER),
        ("Mozilla/5.0 (Windows NT 6.1) BingPreview/1.0b", Verdict.SCANNER),
        (CHROME, Verdict.HUMAN),
        ("Mozilla/5.0 (iPhone; CPU like Mac OS X) AppleWebKit/605 Safari/604.1", Verdict.HUMAN),
    ],
)  # fmt: skip
def test_bot_02_libraries_and_known_scanners_say_who_they_are(agent, verdict):
    ruling = classify(EventType.CLICK, visit(agent=agent))
    assert ruling.verdict is verdict
    assert ruling.rule == ("" if verdict is Verdict.HUMAN else "BOT-02/2")


@pytest.mark.parametrize(
    ("accepted", "verdict"),
    [
        (ago(seconds=-1), Verdict.SCANNER),  # before the provider even said yes
        (ago(seconds=0), Verdict.SCANNER),
        (ago(seconds=2), Verdict.SCANNER),
        (ago(seconds=2, milliseconds=1), Verdict.HUMAN),
        (ago(hours=3), Verdict.HUMAN),
        (None, Verdict.HUMAN),
    ],
)
def test_bot_04_nobody_reads_a_mail_in_two_seconds(accepted, verdict):
    assert classify(EventType.CLICK, visit(), accepted_at=accepted).verdict is verdict


def clicks(*hits: tuple[str, float], message_id: int = 1) -> list[Event]:
    """(link, seconds before now), oldest first."""
    made = [
        Event(EventType.CLICK, ago(seconds=span), message_id, link_key=key) for key, span in hits
    ]
    return sorted(made, key=lambda click: click.at)


@pytest.mark.parametrize(
    ("hits", "caught"),
    [
        ([("a", 0)], []),
        ([("b", 3.0), ("a", 0)], []),
        ([("b", 4.0), ("c", 2.0), ("a", 0)], [0, 1, 2]),
        ([("b", 5.0), ("c", 5.0), ("a", 0)], [0, 1, 2]),
        ([("b", 5.1), ("a", 2.0), ("c", 0)], []),
        ([("d", 9), ("b", 4.0), ("b", 3.0), ("c", 2.0), ("a", 0), ("d", -9)], [1, 2, 3, 4]),
        ([("a", 4.0), ("a", 2.0), ("a", 0)], []),  # a nervous finger, one link
        ([("a", 0.05), ("a", 0)], []),  # a double click
        ([("b", 0.05), ("a", 0)], [0, 1]),  # two links faster than a hand
        ([("b", 0.08), ("b", 0.04), ("a", 0), ("a", -9)], [0, 1, 2]),
        ([("b", 0.1), ("a", 0)], []),
    ],
)
def test_bot_05_a_burst_over_the_links_is_a_scanners(hits, caught):
    assert sorted(bursts(clicks(*hits))) == caught


@pytest.mark.parametrize(("links", "caught"), [(0, []), (1, []), (2, [0, 1]), (3, []), (9, [])])
def test_bot_05_all_links_of_a_mail_with_two_are_enough(links, caught):
    assert sorted(bursts(clicks(("a", 3), ("b", 0)), links)) == caught


@given(some.lists(some.tuples(some.sampled_from("abc"), some.integers(0, 20)), max_size=30))
def test_bot_05_one_pass_finds_what_looking_at_every_window_finds(hits):
    made = clicks(*((key, float(at)) for key, at in hits))
    slow = set()
    for first in range(len(made)):
        window = [
            n
            for n in range(first, len(made))
            if made[n].at - made[first].at <= timedelta(seconds=5)
        ]
        if len({made[n].link_key for n in window}) >= 3:
            slow |= set(window)
    for n, one in enumerate(made):
        near = [o for o in made if abs(o.at - one.at) < timedelta(milliseconds=100)]
        if {o.link_key for o in near} > {one.link_key}:
            slow.add(n)
    assert bursts(made) == slow


def test_bot_03_who_walks_into_the_trap_takes_its_other_hits_along():
    trap = Trap("203.0.113.0/24", "Chrome", NOW, NOW)
    cases = [
        ("203.0.113.0/24", "Firefox", 0, True),
        ("198.51.100.0/24", "Chrome", 0, True),
        ("198.51.100.0/24", "Firefox", 0, False),
        ("", "", 0, False),
        ("203.0.113.0/24", "Chrome", 10, True),
        ("203.0.113.0/24", "Chrome", -10, True),
        ("203.0.113.0/24", "Chrome", 10.1, False),
        ("203.0.113.0/24", "Chrome", -10.1, False),
    ]
    for kind in (EventType.CLICK, EventType.OPEN, EventType.PAGE_VIEW):
        for network, family, minutes, caught in cases:
            event = Event(kind, ago(minutes=minutes), 1, network=network, family=family)
            ruling = judge(event, Around(traps=[trap]))
            assert (ruling == Ruling(Verdict.SCANNER, "BOT-03/2")) is caught


def test_bot_03_the_trap_itself_is_no_persons():
    assert judge(Event(EventType.TRAP, NOW, 1)) == Ruling(Verdict.SCANNER, "BOT-03/2")


@pytest.mark.parametrize(
    ("messages", "span", "domains", "caught"),
    [
        (5, 60, {}, True),
        (5, 61, {}, False),
        (4, 10, {}, False),
        (5, 10, {3: "other.example"}, False),
        (6, 10, {3: "other.example"}, True),
        (5, 10, {3: ""}, False),  # free mail, or nobody knows
    ],
)
def test_bot_07_five_readers_of_a_company_within_a_minute_are_its_gateway(
    messages, span, domains, caught
):
    made = [
        Event(EventType.CLICK, NOW + timedelta(seconds=span * n / (messages - 1)), n + 1)
        for n in range(messages)
    ]
    company = {n + 1: "mill.example" for n in range(messages)} | domains
    found = gateways(made, company)
    expected = {n for n in range(messages) if company[n + 1] == "mill.example"} if caught else set()
    assert found == expected


def test_bot_07_one_reader_who_clicks_often_is_no_gateway():
    made = [Event(EventType.CLICK, NOW, 1) for _time in range(20)]
    assert gateways(made, {1: "mill.example"}) == set()


@pytest.mark.parametrize(
    ("listed", "loaded", "at_once", "ruling"),
    [
        (True, None, False, Ruling(Verdict.HUMAN, "BOT-06/2")),
        (True, True, False, Ruling(Verdict.HUMAN, "BOT-06/2")),
        (True, False, False, Ruling(Verdict.SCANNER, "BOT-06/2")),
        (False, False, False, Ruling(Verdict.HUMAN, "BOT-08/2")),
        (True, None, True, Ruling(Verdict.SCANNER, "BOT-04/2")),
    ],
)
def test_bot_06_a_listed_network_counts_half(listed, loaded, at_once, ruling):
    signs = signs_of(visit(address="192.0.2.7"), lambda address: listed)
    event = Event(EventType.CLICK, NOW, 1, signs=signs)
    accepted = NOW if at_once else None
    assert judge(event, Around(accepted_at=accepted, loaded=loaded)) == ruling


@pytest.mark.parametrize(("loaded", "rule"), [(None, ""), (True, ""), (False, "BOT-08/2")])
def test_bot_08_a_page_without_its_style_sheet_is_odd_but_no_proof(loaded, rule):
    ruling = classify(EventType.CLICK, visit(), loaded=loaded)
    assert (ruling.verdict, ruling.rule) == (Verdict.HUMAN, rule)


@pytest.mark.parametrize(
    ("agent", "verdict", "rule"),
    [
        ("Mozilla/5.0", Verdict.MACHINE_OPEN, "BOT-09/2"),
        ("Mozilla/5.0 (Windows NT 5.1) via ggpht.com GoogleImageProxy", Verdict.HUMAN, "BOT-09/2"),
        ("YahooMailProxy; https://help.yahoo.com", Verdict.HUMAN, "BOT-09/2"),
        (CHROME, Verdict.HUMAN, ""),
    ],
)
def test_bot_09_a_privacy_proxy_opens_every_mail(agent, verdict, rule):
    ruling = classify(EventType.OPEN, visit(agent=agent))
    assert (ruling.verdict, ruling.rule) == (verdict, rule)


def test_the_privacy_proxys_name_says_nothing_about_a_click():
    assert classify(EventType.CLICK, visit(agent="Mozilla/5.0")).verdict is Verdict.HUMAN


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1234:5678::9", "2001:db8:1234::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_of_an_address_only_the_network_is_kept(address, prefix):
    assert ip_prefix(address) == prefix
    assert len(ip_prefix(address)) <= 43


@given(some.ip_addresses())
def test_no_address_survives_whole(address):
    assert str(address) not in ip_prefix(str(address)).split("/") or str(address).endswith(
        (".0", "::")
    )


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        (CHROME, "Chrome"),
        ("Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/140.0", "Firefox"),
        ("Mozilla/5.0 AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140.0", "Edge"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/18 Mobile Safari/604.1", "Safari"),
        ("Something/1.0", "other"),
        ("", ""),
    ],
)
def test_of_a_program_only_its_kind_is_kept(agent, family):
    assert agent_family(agent) == family


@pytest.mark.parametrize(
    "target",
    ["https://brightline.example/a?b=c#d", "http://x.example", "mailto:a@b.example", "tel:+1614"],
)
def test_web_mail_and_telephone_may_be_reached(target):
    assert allowed_target(target) == target


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/portal", "", "https://",
     "https://x.example/\r\nSet-Cookie: a=b", "ftp://x.example", " https://x.example", "page2"],
)  # fmt: skip
def test_no_other_target_may_be_reached(target):
    with pytest.raises(NotFound):
        allowed_target(target)


LIST = """
as-of: 2026-03-01
203.0.113.0/25  # somewhere
198.51.100.7
2001:db8:7::/48
"""


@pytest.mark.parametrize(
    ("address", "listed"),
    [
        ("203.0.113.0", True),
        ("203.0.113.127", True),
        ("203.0.113.128", False),
        ("::ffff:203.0.113.5", True),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8:7:1::9", True),
        ("2001:db8:8::", False),
        ("0.0.0.0", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_bot_06_a_list_of_networks_is_read_and_asked(address, listed):
    assert networks.parsed(LIST).has(address) is listed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("as-of: 2026-03-01\n\n203.0.113.5/24", "line 3"),
        ("as-of: 2026-03-01\nmimecast.example", "line 2"),
        ("as-of: last year", "line 1"),
        ("203.0.113.0/24", "names no day"),
    ],
)
def test_bot_06_a_list_that_is_wrong_names_its_line(text, said):
    with pytest.raises(Invalid, match=said):
        networks.parsed(text)


def test_bot_06_every_network_we_ship_says_whose_it_is_when_it_was_looked_up_and_where():
    text = Path(networks.__file__).with_name("bot_networks.txt").read_text()
    lines = [line for line in text.splitlines() if line[:1].isalnum() and "as-of:" not in line]
    told = re.compile(r"[0-9a-f.:/]+ +# [A-Z][^;]+; verified 2\d{3}-\d\d-\d\d; https://[^ ]+")
    assert len(lines) == 8
    assert [line for line in lines if not told.fullmatch(line)] == []


def test_bot_06_a_file_of_the_operators_that_is_wrong_is_named_with_its_line(tmp_path):
    own = tmp_path / "own.txt"
    own.write_text("as-of: 2026-03-01\n203.0.113.5/24\n")
    with pytest.raises(Invalid, match=re.escape(f"TPMA_BOT_NETWORKS: {own}: line 2")):
        networks.use(own)
    assert networks.current().as_of.year == 2026


def test_bot_06_the_list_we_ship_can_be_read_and_is_replaced_by_a_file(tmp_path):
    shipped = networks.current()
    assert shipped.has("40.92.1.1")
    own = tmp_path / "own.txt"
    own.write_text(LIST)
    try:
        networks.use(own)
        assert networks.is_listed("203.0.113.9")
        with pytest.raises(Invalid, match="TPMA_BOT_NETWORKS"):
            networks.use(tmp_path / "none.txt")
        assert networks.is_listed("203.0.113.9")
    finally:
        networks.use(None)
    assert networks.current() is shipped
