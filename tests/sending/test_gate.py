"""Every rule of the gate by itself: what it says when all is well, and what it stops."""

import inspect
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.conftest import NOW
from tpma.branding.findings import Finding
from tpma.branding.findings import Severity as BrandSeverity
from tpma.sending import gate
from tpma.sending import gate as package
from tpma.sending.facts import (
    AccountFacts,
    AddressFacts,
    BacklogFacts,
    ConsentFacts,
    DomainFacts,
    Facts,
    FeedFacts,
    FrequencyFacts,
    FundFacts,
    HostFacts,
    OneClickFacts,
    ProofFacts,
    ReplyFacts,
    Sample,
    WarmupFacts,
)
from tpma.sending.findings import Severity, Tone

# DELIVERY 5.1, in its order: id → the severity it names.
NAMED = {
    **dict.fromkeys([f"AUTH-0{n}" for n in (1, 2, 3, 4, 5, 7)], "B"),
    "AUTH-06": "W",
    **dict.fromkeys([f"HDR-0{n}" for n in range(1, 6)], "B"),
    **dict.fromkeys([f"BODY-0{n}" for n in (1, 2, 3, 4, 6)], "B"),
    "BODY-05": "W",
    "LOC-01": "B",
    **dict.fromkeys([f"CONS-0{n}" for n in range(1, 8)], "B"),
    "CONS-07": "W",
    **dict.fromkeys(["SUPP-01", "SUPP-02", "LIST-01", "FREQ-01", "VOL-01"], "B"),
    **dict.fromkeys(["QUOT-01", "FEED-01", "TEST-01"], "B"),
    "MDF-01": "W",
}
HOUSE = {"SENDER", "TERRITORY", "BRAND", "GOAL", "MONEY", "DATES"}

CODE = "HC-SEC-7K3M9QA"
TOKEN = "A" * 24
LIST = f"<https://t.tpma.io/u/{TOKEN}>, <mailto:u@mail.tpma.io?subject={TOKEN}>"
HEAD = "\r\n".join(
    [
        "From: Dana <campaigns@news.brightline.com>",
        "To: ada@reader.com",
        "Reply-To: dana@brightline.com",
        "Subject: Checked in ten days",
        "Date: Mon, 02 Mar 2026 09:00:00 +0000",
        "Message-ID: <m1@mail.tpma.io>",
        "MIME-Version: 1.0",
        f"List-Unsubscribe: {LIST}",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Id: Dana <brightline.helio.mail.tpma.io>",
        "Feedback-ID: a:b:c:tpma",
        f"X-TPMA-Code: {CODE}",
    ]
)
FOOTER = "Brightline, Inc., 12 Canal Street, Dayton. Helio Cloud, Inc. prepared the contents."
HTML = (
    f'<p>{CODE}</p><a href="https://t.tpma.io/c/{TOKEN}A">More</a>'
    f'<a href="https://t.tpma.io/u/{TOKEN}">Unsubscribe</a><p>{FOOTER}</p>'
    '<a href="https://brightline.com/privacy">Privacy</a>'
)
TEXT = f"Hello\nUnsubscribe: https://t.tpma.io/u/{TOKEN}\n{CODE}\n{FOOTER}"
SAMPLE = Sample("email1", "en-US", HEAD.encode() + b"\r\n\r\nbody", HTML, TEXT)
DOMAIN = DomainFacts(
    domain="news.brightline.com",
    owner="partner",
    verified=True,
    dkim_domain="news.brightline.com",
    dkim_verified=True,
    dkim_bits=2048,
    mail_from="bounce.news.brightline.com",
    mail_from_verified=True,
    rejects_without_mx=True,
    dmarc=("v=DMARC1; p=quarantine; rua=mailto:d@brightline.com",),
    dmarc_none_since=None,
    signed_headers=frozenset({"from", "list-unsubscribe", "list-unsubscribe-post"}),
    probed_at=NOW - timedelta(days=2),
    probe_aligned=True,
)
ACCOUNT = AccountFacts(
    sandbox=False,
    sending_enabled=True,
    enforcement="HEALTHY",
    tenant_status="ENABLED",
    associated=frozenset({"identity", "configuration-set", "template"}),
)
PROOF = ProofFacts(
    asked=True,
    refused=False,
    arrived=True,
    needs_approval=False,
    approved=False,
    address="dana@brightline.com",
)
FREQUENCY = FrequencyFacts(
    over_vendor=0, over_partner=0, vendor_limit=6, partner_limit=4, held_back=False
)
ADDRESSES = AddressFacts(never_mailed=3, without_mx=0, role=0, disposable=0, typos=0)

FINE = Facts(
    today=NOW.date(),
    now=NOW,
    code=CODE,
    start_at=None,
    ends_at=NOW + timedelta(days=90),
    kit_retires=None,
    from_name="Dana",
    reply_to="dana@brightline.com",
    partner_name="Brightline",
    goal_leads=5,
    planned_cost_minor=40_000,
    matching=10,
    writable=9,
    suppressed=1,
    no_consent=0,
    consent_by_basis={"consent": 10},
    locales={"en-US": "en"},
    readers_by_locale={"en-US": 10},
    policy="chain",
    accepted_fallback=False,
    missing_consents=(),
    denied_countries={},
    brand=(),
    cobranded_state="approved",
    compile_faults=(),
    samples=(SAMPLE,),
    unresolved=0,
    leaves_machine=True,
    links={"email1.cta": ""},
    legal_name="Brightline, Inc.",
    address_line="12 Canal Street",
    vendor_name="Helio Cloud, Inc.",
    privacy_url="https://brightline.com/privacy",
    consent=ConsentFacts(by_country={"US": 9}, packs={"US": "2026.1"}),
    domain=DOMAIN,
    hosts=HostFacts(("t.tpma.io",), frozenset({"t.tpma.io", "brightline.com"}), ()),
    reply=ReplyFacts(has_mx=True, confirmed=True),
    one_click=OneClickFacts(status=200, redirected=False, unsubscribed=True, get_changed=False),
    account=ACCOUNT,
    feed=FeedFacts(NOW - timedelta(minutes=5), NOW - timedelta(minutes=4)),
    warmup=WarmupFacts(capacity=50, finishes_on=None),
    frequency=FREQUENCY,
    addresses=ADDRESSES,
    backlog=BacklogFacts(0, None),
    funds=FundFacts(approved=True, budget_code="MDF-1", estimate_minor=40_000),
    proof=PROOF,
)


def raw(**changes):
    """The sample's mail with header lines replaced or (None) left out."""
    lines = []
    for line in HEAD.split("\r\n"):
        name = line.split(":", 1)[0]
        if name not in changes:
            lines.append(line)
        elif changes[name] is not None:
            lines.append(f"{name}: {changes[name]}")
    return {"samples": (replace(SAMPLE, raw="\r\n".join(lines).encode() + b"\r\n\r\nbody"),)}


def body(**changes):
    return {"samples": (replace(SAMPLE, **changes),)}


def domain(**changes):
    return {"domain": replace(DOMAIN, **changes)}


def account(**changes):
    return {"account": replace(ACCOUNT, **changes)}


def proof(**changes):
    return {"proof": replace(PROOF, **changes)}


def consent(**changes):
    return {"consent": replace(FINE.consent, **changes)}


def one_click(**changes):
    return {"one_click": replace(FINE.one_click, **changes)}


def problem(rule):
    return consent(problems={rule: {"DE": 2, "": 1}})


def attached(name):
    part = (
        "From: a@b.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        "--x\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
        f'--x\r\nContent-Type: application/octet-stream; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\nx\r\n--x--\r\n'
    )
    return body(raw=part.encode())


# (facts changed, the rule that stops the launch)
STOPS = [
    (domain(dkim_verified=False), "AUTH-01"),
    (domain(dkim_domain=""), "AUTH-01"),
    (domain(dkim_bits=768), "AUTH-01"),
    (domain(mail_from_verified=False), "AUTH-02"),
    (domain(rejects_without_mx=False), "AUTH-02"),
    (domain(dmarc=()), "AUTH-03"),
    (domain(dmarc=DOMAIN.dmarc * 2), "AUTH-03"),
    (domain(dmarc=("v=DMARC1; rua=mailto:d@brightline.com",)), "AUTH-03"),
    (domain(dmarc=("v=DMARC1; p=perhaps",)), "AUTH-03"),
    (domain(dkim_domain="other.com", mail_from="bounce.other.com"), "AUTH-04"),
    (
        domain(dkim_domain="brightline.com", dmarc=("v=DMARC1; p=none; adkim=s; aspf=s",)),
        "AUTH-04",
    ),
    (domain(domain="gmail.com"), "AUTH-05"),
    (domain(owner="vendor"), "AUTH-05"),
    (domain(verified=False), "AUTH-05"),
    (domain(owner=""), "AUTH-05"),
    ({"reply": ReplyFacts(has_mx=False, confirmed=True)}, "AUTH-07"),
    ({"from_name": ""}, "SENDER"),
    ({"reply_to": ""}, "SENDER"),
    (raw(**{"List-Unsubscribe": None}), "HDR-01"),
    (raw(**{"List-Unsubscribe": "=?utf-8?q?=3Chttps?="}), "HDR-01"),
    (raw(**{"List-Unsubscribe": LIST.replace("https:", "http:")}), "HDR-01"),
    (raw(**{"List-Unsubscribe": LIST.split(", ")[1] + ", " + LIST.split(", ")[0]}), "HDR-01"),
    (raw(**{"List-Unsubscribe": LIST.replace("/u/", "/" + "x" * 200)}), "HDR-01"),
    (raw(**{"List-Unsubscribe": f"{LIST}\r\nList-Unsubscribe: {LIST}"}), "HDR-01"),
    (raw(**{"List-Unsubscribe-Post": None}), "HDR-01"),
    (raw(**{"List-Unsubscribe-Post": "List-Unsubscribe=Yes"}), "HDR-01"),
    (raw(Subject="x" * 996), "HDR-01"),
    (raw(Subject="a\nX: b"), "HDR-01"),
    (one_click(status=302, redirected=True), "HDR-02"),
    (one_click(status=403), "HDR-02"),
    (one_click(unsubscribed=False), "HDR-02"),
    (one_click(get_changed=True), "HDR-02"),
    (domain(signed_headers=frozenset({"from", "list-unsubscribe"})), "HDR-03"),
    (domain(probed_at=NOW - timedelta(days=31)), "HDR-03"),
    (domain(probed_at=None), "HDR-03"),
    (domain(probe_aligned=False), "HDR-03"),
    (raw(Subject=None), "HDR-04"),
    (raw(**{"List-Id": None}), "HDR-04"),
    (raw(To="a@b.com\r\nTo: b@c.com"), "HDR-04"),
    (raw(To="a@b.com\r\nBcc: x@y.com"), "HDR-04"),
    (raw(To="a@b.com\r\nX-SES-TENANT: x"), "HDR-04"),
    (raw(To="a@b.com\r\nAuto-Submitted: auto-replied"), "HDR-04"),
    (raw(To="a@b.com\r\nPrecedence: first-class"), "HDR-04"),
    (raw(Subject="Re: your order"), "HDR-05"),
    (raw(Subject="AW: Ihre Anfrage"), "HDR-05"),
    (raw(Subject="=?utf-8?B?RldEOiB4?="), "HDR-05"),
    (body(text=""), "BODY-01"),
    (body(html=HTML.replace("/u/", "/x/")), "BODY-01"),
    (body(html=HTML.replace(">Unsubscribe<", '><img src="u.png" alt="Stop"><')), "BODY-01"),
    (body(html=HTML + "x" * 102_400), "BODY-01"),
    (body(raw=SAMPLE.raw + b"x" * 10_000_001), "BODY-01"),
    (body(text=TEXT.replace("Canal", ""), html=HTML.replace("Canal", "")), "BODY-02"),
    ({"legal_name": ""}, "BODY-02"),
    (body(text=TEXT.replace("Helio", ""), html=HTML.replace("Helio", "")), "BODY-03"),
    ({"privacy_url": ""}, "BODY-03"),
    (body(html=HTML.replace("brightline.com/privacy", "brightline.com")), "BODY-03"),
    ({"compile_faults": (("email1, de", "too large"),)}, "BODY-04"),
    ({"unresolved": 2}, "BODY-04"),
    (body(html=HTML + "{{ person.first_name }}"), "BODY-04"),
    (body(text=TEXT + "%%name%%"), "BODY-04"),
    (body(html=HTML + '<a href="http://localhost:8000/x">x</a>'), "BODY-04"),
    (body(html=HTML + '<a href="https://www.example.com/x">x</a>'), "BODY-04"),
    (body(html=HTML + '<a href="https://staging.brightline.com/x">x</a>'), "BODY-04"),
    ({"link_status": {"https://brightline.com/gone": 404}}, "BODY-04"),
    (attached("offer.exe"), "BODY-05"),
    (attached("macro.VBS"), "BODY-05"),
    (body(html=HTML.replace(CODE, "")), "BODY-06"),
    (raw(**{"X-TPMA-Code": None}), "BODY-06"),
    ({"form_codes": False}, "BODY-06"),
    (
        {"brand": (Finding("footer.legal", BrandSeverity.ERROR, "VAT id missing", "Enter it"),)},
        "footer.legal",
    ),
    ({"cobranded_state": "pending_approval"}, "BRAND"),
    ({"missing_consents": ("fr-CA",)}, "LOC-01"),
    ({"locales": {"sv-SE": None}}, "LOC-01"),
    ({"matching": 0, "writable": 0, "suppressed": 0}, "CONS-01"),
    ({"writable": 0, "no_consent": 9}, "CONS-01"),
    ({"writable": 0, "unlawful": 9} | problem("CONS-02"), "CONS-01"),
    (consent(judged=False), "CONS-05"),
    ({"writable": 0, "unlawful": 9} | problem("CONS-07"), "CONS-01"),
    ({"listed_recipients": 1}, "SUPP-01"),
    ({"writable": 8}, "SUPP-01"),
    ({"backlog": BacklogFacts(1, NOW)}, "SUPP-02"),
    ({"addresses": replace(ADDRESSES, without_mx=1)}, "LIST-01"),
    ({"addresses": replace(ADDRESSES, disposable=1)}, "LIST-01"),
    ({"frequency": replace(FREQUENCY, over_vendor=1)}, "FREQ-01"),
    ({"frequency": replace(FREQUENCY, over_partner=1)}, "FREQ-01"),
    ({"frequency": replace(FREQUENCY, over_partner=9, held_back=True)}, "FREQ-01"),
    ({"warmup": WarmupFacts(capacity=8, finishes_on=None)}, "VOL-01"),
    (account(sandbox=True), "QUOT-01"),
    (account(sending_enabled=False), "QUOT-01"),
    (account(enforcement="PROBATION"), "QUOT-01"),
    (account(tenant_status="DISABLED"), "QUOT-01"),
    (account(associated=frozenset({"identity"})), "QUOT-01"),
    ({"feed": FeedFacts(NOW - timedelta(minutes=16), NOW)}, "FEED-01"),
    ({"feed": FeedFacts(NOW, None)}, "FEED-01"),
    ({"start_at": NOW - timedelta(hours=1)}, "DATES"),
    ({"kit_retires": NOW.date() - timedelta(days=1)}, "DATES"),
    ({"goal_leads": 0}, "GOAL"),
    (proof(asked=False, arrived=False), "TEST-01"),
    (proof(refused=True), "TEST-01"),
    (proof(needs_approval=True), "TEST-01"),
]
# (facts changed, the rule that warns): nobody launches without taking it on
WARNS = [
    (domain(dkim_bits=1024), "AUTH-01"),
    (
        domain(dmarc=("v=DMARC1; p=none; rua=x",), dmarc_none_since=NOW.date() - timedelta(31)),
        "AUTH-03",
    ),
    (domain(dmarc=("v=DMARC1; p=reject",)), "AUTH-03"),
    ({"hosts": HostFacts(("bit.ly",), frozenset({"t.tpma.io"}), ())}, "AUTH-06"),
    ({"hosts": HostFacts(("t.tpma.io",), frozenset({"t.tpma.io"}), ("t.tpma.io",))}, "AUTH-06"),
    ({"hosts": HostFacts(("other.com",), frozenset({"t.tpma.io"}), ())}, "AUTH-06"),
    ({"reply_to": "no-reply@brightline.com"}, "AUTH-07"),
    ({"reply": ReplyFacts(has_mx=True, confirmed=False)}, "AUTH-07"),
    (raw(Subject="CHECKED IN TEN DAYS"), "HDR-05"),
    (raw(Subject="x" * 151), "HDR-05"),
    (body(html=HTML + "x" * 90_000), "BODY-01"),
    (body(raw=SAMPLE.raw + b"x" * 1_000_001), "BODY-01"),
    (body(html=HTML + '<img src="a.png">'), "BODY-05"),
    (body(html=HTML + '<img src="a.png" alt="">' * 2, text=TEXT[:120]), "BODY-05"),
    (body(html=HTML + '<a href="https://bit.ly/x">x</a>'), "BODY-05"),
    (attached("offer.pdf"), "BODY-05"),
    (consent(untouched_12=1), "CONS-07"),
    ({"addresses": replace(ADDRESSES, typos=1)}, "LIST-01"),
    ({"funds": FundFacts(approved=False, budget_code="", estimate_minor=0)}, "MDF-01"),
    ({"funds": FundFacts(approved=True, budget_code="MDF-1", estimate_minor=0)}, "MDF-01"),
]
# Said, and no more.
TELLS = [
    (
        {
            "hosts": HostFacts(
                ("t.tpma.io",), frozenset({"t.tpma.io"}), (), missing="links.brightline.com"
            )
        },
        "AUTH-06",
    ),
    ({"planned_cost_minor": 0}, "MONEY"),
    ({"denied_countries": {"RU": 3}}, "TERRITORY"),
    ({"kit_retires": NOW.date() + timedelta(days=10)}, "DATES"),
    ({"locales": {"en-US": "en", "sv": None}, "readers_by_locale": {"sv": 2}}, "LOC-01"),
    *((problem(f"CONS-0{number}"), f"CONS-0{number}") for number in range(1, 8)),
    ({"addresses": replace(ADDRESSES, role=5)}, "LIST-01"),
    ({"frequency": replace(FREQUENCY, over_partner=2, held_back=True)}, "FREQ-01"),
]


def found(changes, tone):
    return [c for c in gate.report(replace(FINE, **changes)) if c.tone is tone]


def test_every_rule_of_the_delivery_document_is_there_with_its_severity():
    known = {rule.id: rule.severity.value for rule in gate.RULES}
    assert {rule: known.get(rule) for rule in NAMED} == NAMED
    assert set(known) - set(NAMED) == HOUSE
    assert len(gate.RULES) == len(known)


def test_every_rule_has_a_failing_fixture_and_passes_the_fine_one():
    failing = {rule for _changes, rule in [*STOPS, *WARNS, *TELLS]}
    assert {rule.id for rule in gate.RULES} - failing == set()
    for rule in gate.RULES:
        assert {check.tone for check in rule.check(FINE)} <= {Tone.GREEN}, rule.id


def test_every_rule_says_where_it_comes_from_and_has_a_family():
    for rule in gate.RULES:
        assert rule.title, rule.id
        assert rule.source, rule.id
        assert rule.family in gate.FAMILIES, rule.id


def test_rules_are_pure():
    """They see the facts: no session, no clock, no request."""
    for rule in gate.RULES:
        assert list(inspect.signature(rule.look).parameters) == ["facts"], rule.id
    modules = {inspect.getmodule(rule.look) for rule in gate.RULES}
    for module in modules:
        assert not re.search(r"sqlalchemy|flask|Session|utc_now", inspect.getsource(module))
    assert len(modules) == len(package.FAMILIES)


def test_a_launch_that_is_fine_is_green_and_keeps_its_evidence():
    checks = gate.report(FINE)
    assert gate.is_green(checks)
    assert {check.tone for check in checks} == {Tone.GREEN}
    assert all(check.text for check in checks)


@pytest.mark.parametrize(("changes", "rule"), STOPS)
def test_what_would_bring_trouble_is_red(changes, rule):
    reds = found(changes, Tone.RED)
    assert rule in {check.rule for check in reds}
    assert all(check.title and check.text for check in reds)


@pytest.mark.parametrize(("changes", "rule"), WARNS)
def test_a_warning_wants_somebodys_word(changes, rule):
    warnings = [check for check in found(changes, Tone.AMBER) if check.rule == rule]
    assert warnings
    assert all(check.wants_word for check in warnings)
    assert rule not in {check.rule for check in found(changes, Tone.RED)}


@pytest.mark.parametrize(
    ("changes", "rule"), [(problem(f"CONS-0{n}"), f"CONS-0{n}") for n in range(1, 7)]
)
def test_readers_the_law_protects_are_counted_with_who_they_are(changes, rule):
    [told] = [c for c in found(changes, Tone.AMBER) if c.rule == rule and c.title == "Left out"]
    assert told.cure == ("See who", "left_out")
    assert told.text.startswith("3 ")
    assert not told.wants_word


@pytest.mark.parametrize(("changes", "rule"), TELLS)
def test_what_is_worth_a_look_is_told_and_stops_nothing(changes, rule):
    checks = gate.report(replace(FINE, **changes))
    assert gate.is_green(checks)
    told = [check for check in checks if check.tone is Tone.AMBER]
    assert rule in {check.rule for check in told}
    assert not any(check.wants_word for check in told)


@pytest.mark.parametrize("header", [line.split(":")[0] for line in HEAD.split("\r\n")])
def test_a_header_taken_out_of_the_mail_fires_the_rule_that_names_it(header):
    rule = {
        "List-Unsubscribe": "HDR-01",
        "List-Unsubscribe-Post": "HDR-01",
        "X-TPMA-Code": "BODY-06",
        "Reply-To": None,  # without one answers go to From
    }.get(header, "HDR-04")
    reds = {check.rule for check in found(raw(**{header: None}), Tone.RED)}
    assert reds == ({rule} if rule else set())


def test_what_the_transport_does_not_need_is_never_red():
    outbox = replace(
        FINE,
        leaves_machine=False,
        domain=None,
        hosts=None,
        reply=None,
        one_click=None,
        account=None,
        feed=None,
        warmup=None,
        frequency=None,
        addresses=None,
        backlog=None,
        funds=None,
        **body(html=HTML + '<a href="http://localhost:8000/x">x</a>'),
    )
    checks = gate.report(outbox)
    assert gate.is_green(checks)
    unneeded = {check.rule for check in checks if check.tone is Tone.NOT_NEEDED}
    auth = {f"AUTH-0{number}" for number in range(1, 8)}
    assert unneeded >= auth | {"HDR-02", "HDR-03", "QUOT-01", "FEED-01", "VOL-01"}
    plain = replace(outbox, **raw(**{"List-Unsubscribe": LIST.replace("https:", "http:")}))
    assert "HDR-01" not in {c.rule for c in gate.report(plain) if c.tone is Tone.RED}


def test_every_red_names_the_screen_that_mends_it():
    for changes in ({"from_name": ""}, {"matching": 0}, {"goal_leads": 0}, {"unresolved": 1}):
        for check in found(changes, Tone.RED):
            assert check.cure is not None or check.rule == "SUPP-01"


def test_nothing_that_blocks_can_be_taken_on():
    for changes, _rule in STOPS:
        assert not any(check.wants_word for check in found(changes, Tone.RED))


def test_a_proof_nobody_asked_for_yet_is_the_platforms_to_send():
    [check] = found(proof(asked=False, arrived=False), Tone.RED)
    assert check.pending
    assert not any(c.pending for c in found(proof(refused=True), Tone.RED))


def test_reds_come_first():
    order = [check.tone for check in gate.report(replace(FINE, goal_leads=0))]
    assert order[0] is Tone.RED
    assert order == sorted(order, key=[Tone.RED, Tone.AMBER, Tone.GREEN, Tone.NOT_NEEDED].index)


def test_any_change_of_what_was_looked_at_changes_the_fingerprint():
    assert gate.fingerprint("a", 1) != gate.fingerprint("a", 2)
    assert gate.fingerprint("a", 1) == gate.fingerprint("a", 1)


def test_a_finding_keeps_the_severity_of_its_tone():
    for changes, _rule in WARNS:
        for check in found(changes, Tone.AMBER):
            assert check.severity is not Severity.BLOCKS
