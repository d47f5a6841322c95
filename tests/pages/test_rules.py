"""What may be taken of a posted form."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tpma.core.errors import NotFound
from tpma.core.signing import Signer
from tpma.pages import rules
from tpma.pages.rules import FormFault
from tpma.rendering.form import Form, Question

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FORM = Form(
    title="Book",
    intro="",
    submit="Book",
    questions=(
        Question("given_name", "text", True, "given_name", "First name"),
        Question("email", "email", True, "email", "E-mail"),
        Question("phone", "tel", False, "phone", "Phone"),
        Question("sites", "select", False, "", "Sites", ("1 to 5", "More")),
        Question("note", "text", False, "", "Note"),
    ),
    consents=(),
)
GOOD = {"given_name": "Priya", "email": "Priya@HarborPoint.example"}


def test_the_answers_come_by_key_by_column_and_by_question():
    answers = rules.read(FORM, GOOD | {"sites": "More", "note": "Soon"}, "en")
    assert answers.values["sites"] == "More"
    assert answers.columns == {"given_name": "Priya", "email": "Priya@HarborPoint.example"}
    assert answers.address.norm == "priya@harborpoint.example"
    assert answers.own(FORM) == {"Sites": "More", "Note": "Soon"}


@pytest.mark.parametrize(
    ("posted", "faults"),
    [
        ({}, {"given_name": "required", "email": "required"}),
        (GOOD | {"email": "priya"}, {"email": "email"}),
        (GOOD | {"email": "priya@harborpoint"}, {"email": "email_ending"}),
        (GOOD | {"email": "a@b.example, c@d.example"}, {"email": "email"}),
        (GOOD | {"phone": "call me"}, {"phone": "phone"}),
        (GOOD | {"sites": "Hundreds"}, {"sites": "choice"}),
        (GOOD | {"given_name": "x" * 101}, {"given_name": "too_long"}),
        (GOOD | {"note": "x" * 201}, {"note": "too_long"}),
        (GOOD | {"phone": "+1" * 17}, {"phone": "too_long"}),
    ],
)
def test_every_fault_is_named_at_its_field(posted, faults):
    with pytest.raises(FormFault) as refusal:
        rules.read(FORM, posted, "en")
    assert refusal.value.faults == faults
    assert not refusal.value.stale


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Priya  ", "Priya"),
        ("Priya\r\nBcc: all@x.example", "Priya Bcc: all@x.example"),
        ("Priya\x00\x1b[31m", "Priya [31m"),
        ("Pri\u2028ya", "Pri ya"),
        ("{{ brand.name }} {% raw %} ${x}", "{{ brand.name }} {% raw %} ${x}"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("'; DROP TABLE leads; --", "'; DROP TABLE leads; --"),
        ("José", "José"),
        ("أحمد", "أحمد"),
    ],
)
def test_what_was_typed_is_kept_literally_on_one_line(typed, kept):
    assert rules.read(FORM, GOOD | {"given_name": typed}, "en").values["given_name"] == kept


@given(some.text(max_size=400))
def test_no_text_brings_a_line_break_or_a_control_character_in(text):
    found = rules.cleaned(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029" for c in found)
    assert rules.cleaned(found) == found


@pytest.mark.parametrize(
    ("posted", "dwell", "signs"),
    [
        ({}, 2.0, []),
        ({}, 1.9, ["too_fast"]),
        ({"website": "x"}, 60, ["honeypot"]),
        ({"website": "   "}, 60, []),
        ({"given_name": "Win at https://x.example"}, 60, ["address_in_name"]),
        ({"given_name": "www.cheap.top"}, 60, ["address_in_name"]),
        ({"note": "We are at https://harborpoint.example"}, 60, []),
        ({"given_name": "Dr. Anna-Lena O'Neil"}, 60, []),
        (
            {"website": "x", "given_name": "http://x"},
            0,
            ["honeypot", "too_fast", "address_in_name"],
        ),
    ],
)
def test_signs_of_a_machine(posted, dwell, signs):
    assert rules.spam_signs(FORM, GOOD | posted, timedelta(seconds=dwell)) == signs


def test_a_page_token_tells_when_it_was_shown():
    subject = rules.token_subject(NOW, random.Random(1).getrandbits)
    assert rules.shown_at(subject) == NOW
    assert subject < 2**56


@given(some.integers(0, 2**56 - 1))
def test_any_subject_is_some_moment(subject):
    assert rules.shown_at(subject).tzinfo is UTC


@pytest.mark.parametrize(
    ("age", "fresh"),
    [(0, True), (3 * 86400, True), (3 * 86400 + 1, False), (-300, True), (-301, False)],
)
def test_a_page_may_lie_open_for_three_days(age, fresh):
    assert rules.is_fresh(NOW - timedelta(seconds=age), NOW) is fresh


@given(some.uuids(), some.uuids(), some.integers(0, 2**56 - 1))
def test_a_token_of_one_launch_is_worth_nothing_on_anothers_page(one, other, subject):
    signer = Signer("secret")
    token = signer.token(subject, rules.token_purpose(one))
    assert signer.subject(token, rules.token_purpose(one)) == subject
    if one.hex[-12:] != other.hex[-12:]:
        with pytest.raises(NotFound):
            signer.subject(token, rules.token_purpose(other))


def test_the_purpose_fits_what_the_signer_looks_at():
    assert len(rules.token_purpose(UUID(int=2**128 - 1))) == 16


def test_of_the_query_only_campaign_parameters_are_kept():
    query = {"utm_id": "HC-SEC-7K3M9QA", "utm_source": "x" * 500, "gclid": "1", "next": "//evil"}
    assert rules.utm_of(query) == {"utm_id": "HC-SEC-7K3M9QA", "utm_source": "x" * 120}
