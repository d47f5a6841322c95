"""Human or machine: one table a rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.factories.tracking import CHROME
from tpma.core.errors import NotFound
from tpma.tracking.models import EventType, Verdict
from tpma.tracking.rules import (
    Hit,
    Visit,
    agent_family,
    allowed_target,
    classify,
    ip_prefix,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def visit(**given) -> Visit:
    return Visit(**{"at": NOW, "agent": CHROME} | given)


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
    assert ruling.rule == ("BOT-01/1" if verdict is Verdict.BOT else "")


@pytest.mark.parametrize(
    ("agent", "verdict"),
    [
        ("", Verdict.BOT),
        ("   ", Verdict.BOT),
        ("curl/8.5.0", Verdict.BOT),
        ("python-requests/2.32", Verdict.BOT),
        ("Go-http-client/2.0", Verdict.BOT),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", Verdict.SCANNER),
        ("Mozilla/5.0 (X11) Mimecast/1", Verdict.SCANNER),
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
    assert ruling.rule == ("" if verdict is Verdict.HUMAN else "BOT-02/1")


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
    assert classify(EventType.CLICK, visit(), "a", accepted_at=accepted).verdict is verdict


@pytest.mark.parametrize(
    ("earlier", "verdict", "since"),
    [
        ([], Verdict.HUMAN, None),
        ([("b", 3.0)], Verdict.HUMAN, None),
        ([("b", 4.0), ("c", 2.0)], Verdict.SCANNER, 4.0),
        ([("b", 5.0), ("c", 5.0)], Verdict.SCANNER, 5.0),
        ([("b", 5.1), ("c", 5.1)], Verdict.HUMAN, None),
        ([("a", 4.0), ("a", 2.0)], Verdict.HUMAN, None),  # a nervous finger, one link
        ([("a", 0.05)], Verdict.HUMAN, None),  # a double click
        ([("b", 0.05)], Verdict.SCANNER, 0.05),  # two links faster than a hand
        ([("b", 0.1)], Verdict.HUMAN, None),
    ],
)
def test_bot_05_a_burst_over_the_links_is_a_scanners(earlier, verdict, since):
    hits = [Hit(ago(seconds=span), key) for key, span in earlier]
    ruling = classify(EventType.CLICK, visit(), "a", earlier=hits)
    assert ruling.verdict is verdict
    assert ruling.burst_since == (None if since is None else ago(seconds=since))


@pytest.mark.parametrize(("loaded", "rule"), [(None, ""), (True, ""), (False, "BOT-08/1")])
def test_bot_08_a_page_without_its_style_sheet_is_odd_but_no_proof(loaded, rule):
    ruling = classify(EventType.CLICK, visit(), "a", loaded_page=loaded)
    assert (ruling.verdict, ruling.rule) == (Verdict.HUMAN, rule)


@pytest.mark.parametrize(
    ("agent", "verdict", "rule"),
    [
        ("Mozilla/5.0", Verdict.MACHINE_OPEN, "BOT-09/1"),
        ("Mozilla/5.0 (Windows NT 5.1) via ggpht.com GoogleImageProxy", Verdict.HUMAN, "BOT-09/1"),
        ("YahooMailProxy; https://help.yahoo.com", Verdict.HUMAN, "BOT-09/1"),
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
