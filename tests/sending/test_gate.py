"""Each rule of the gate by itself: what it says when all is well, and what it stops."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.conftest import NOW
from tpma.branding.findings import Finding, Severity
from tpma.sending import gate
from tpma.sending.findings import Facts, Sample, Tone

CODE = "HC-SEC-7K3M9QA"
TOKEN = "A" * 24
HEAD = "\r\n".join(
    [
        "From: Dana <campaigns@brightline.mail.example>",
        "To: ada@reader.example",
        "Subject: Checked in ten days",
        "Date: Mon, 02 Mar 2026 09:00:00 +0000",
        "Message-ID: <m1@mail.example>",
        "MIME-Version: 1.0",
        f"List-Unsubscribe: <https://t.example/u/{TOKEN}>, <mailto:u@mail.example?subject={TOKEN}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Id: Dana <brightline.helio.mail.example>",
        "Feedback-ID: a:b:c:tpma",
        f"X-TPMA-Code: {CODE}",
    ]
)
HTML = f'<p>{CODE}</p><a href="https://t.example/u/{TOKEN}">Unsubscribe</a>'
TEXT = f"Hello\nUnsubscribe: https://t.example/u/{TOKEN}\n{CODE}"
SAMPLE = Sample("email1", "en-US", HEAD.encode() + b"\r\n\r\nbody", HTML, TEXT)

FINE = Facts(
    today=NOW.date(),
    now=NOW,
    code=CODE,
    start_at=None,
    ends_at=NOW + timedelta(days=90),
    kit_retires=None,
    from_name="Dana",
    reply_to="dana@brightline.example",
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
    return replace(SAMPLE, raw="\r\n".join(lines).encode() + b"\r\n\r\nbody")


def reds(**changes):
    found = gate.report(replace(FINE, **changes))
    return {check.rule for check in found if check.tone is Tone.RED}


def test_a_launch_that_is_fine_is_green_and_keeps_its_evidence():
    found = gate.report(FINE)
    assert gate.is_green(found)
    assert {check.tone for check in found} == {Tone.GREEN}
    assert all(check.text for check in found)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"from_name": ""}, "SENDER"),
        ({"reply_to": ""}, "SENDER"),
        ({"matching": 0, "writable": 0}, "CONS-01"),
        ({"writable": 0}, "CONS-01"),
        ({"missing_consents": ("fr-CA",)}, "LOC-01"),
        ({"locales": {"sv-SE": None}}, "LOC-01"),
        ({"cobranded_state": "pending_approval"}, "BRAND"),
        ({"compile_faults": (("email1, de", "too large"),)}, "BODY-04"),
        ({"unresolved": 2}, "BODY-04"),
        ({"start_at": NOW - timedelta(hours=1)}, "DATES"),
        ({"kit_retires": NOW.date() - timedelta(days=1)}, "DATES"),
        ({"goal_leads": 0}, "GOAL"),
        (
            {"brand": (Finding("footer.legal", Severity.ERROR, "VAT id missing", "Enter it"),)},
            "footer.legal",
        ),
        ({"samples": (replace(SAMPLE, text=""),)}, "BODY-01"),
        ({"samples": (replace(SAMPLE, html=HTML.replace("/u/", "/x/")),)}, "BODY-01"),
        ({"samples": (replace(SAMPLE, html=HTML.replace(CODE, "")),)}, "BODY-01"),
        ({"samples": (replace(SAMPLE, html=HTML + "{{ person.first_name }}"),)}, "BODY-01"),
        ({"samples": (replace(SAMPLE, html=HTML + "x" * 102_400),)}, "BODY-01"),
        ({"samples": (raw(**{"List-Unsubscribe": None}),)}, "HDR-01"),
        ({"samples": (raw(**{"List-Unsubscribe": "=?utf-8?q?=3Chttps?="}),)}, "HDR-01"),
        ({"samples": (raw(**{"List-Unsubscribe-Post": None}),)}, "HDR-01"),
        ({"samples": (raw(Subject=None),)}, "HDR-01"),
        ({"samples": (raw(**{"List-Id": None}),)}, "HDR-01"),
        ({"samples": (raw(To="a@b.example\r\nBcc: x@y.example"),)}, "HDR-01"),
        ({"samples": (raw(**{"X-TPMA-Code": None}),)}, "BODY-01"),
    ],
)
def test_what_would_bring_trouble_is_red(changes, rule):
    assert rule in reds(**changes)


def test_every_red_names_the_screen_that_mends_it():
    for changes in ({"from_name": ""}, {"matching": 0}, {"goal_leads": 0}, {"unresolved": 1}):
        for check in gate.report(replace(FINE, **changes)):
            assert check.tone is not Tone.RED or check.cure is not None


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"reply_to": "no-reply@brightline.example"}, "AUTH-07"),
        ({"planned_cost_minor": 0}, "MONEY"),
        ({"denied_countries": {"RU": 3}}, "TERRITORY"),
        ({"kit_retires": NOW.date() + timedelta(days=10)}, "DATES"),
        (
            {"locales": {"en-US": "en", "sv": None}, "readers_by_locale": {"sv": 2}},
            "LOC-01",
        ),
    ],
)
def test_what_is_worth_a_look_is_told_and_stops_nothing(changes, rule):
    found = gate.report(replace(FINE, **changes))
    assert gate.is_green(found)
    assert rule in {check.rule for check in found if check.tone is Tone.AMBER}


def test_the_local_outbox_needs_no_dns():
    found = gate.report(replace(FINE, leaves_machine=False))
    assert "AUTH-01" in {check.rule for check in found if check.tone is Tone.NOT_NEEDED}


def test_reds_come_first():
    order = [check.tone for check in gate.report(replace(FINE, goal_leads=0))]
    assert order[0] is Tone.RED
    assert order == sorted(order, key=[Tone.RED, Tone.AMBER, Tone.GREEN, Tone.NOT_NEEDED].index)


def test_any_change_of_what_was_looked_at_changes_the_fingerprint():
    assert gate.fingerprint("a", 1) != gate.fingerprint("a", 2)
    assert gate.fingerprint("a", 1) == gate.fingerprint("a", 1)
