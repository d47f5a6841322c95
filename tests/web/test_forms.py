"""What a form sent: numbers in the reader's notation, dates near our time, no way off the site."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from tpma.core import i18n
from tpma.core.errors import Invalid, NotFound
from tpma.core.money import Money
from tpma.web import forms

form = Flask("forms")


def sent(**values: str):
    return form.test_request_context(method="POST", data=values)


@pytest.mark.parametrize(
    ("tag", "typed", "currency", "minor"),
    [
        ("en", "4000", "USD", 400_000),
        ("en", "4,000.00", "USD", 400_000),
        ("en", "0.5", "USD", 50),
        ("de", "4.000,00", "EUR", 400_000),
        ("de", "4000,5", "EUR", 400_050),
        ("de", "4000", "EUR", 400_000),
        ("de", "4\u00a0000,00", "EUR", 400_000),
        ("fr", "4\u202f000,00", "EUR", 400_000),
        ("ja-JP", "12,000", "JPY", 12_000),
        ("en", "1.234", "KWD", 1234),
        ("en", "  12 ", "USD", 1200),
        ("en", "", "USD", 0),
    ],
)
def test_an_amount_in_the_readers_notation(tag, typed, currency, minor):
    with sent(cost=typed), i18n.speaking(tag):
        assert forms.amount("cost", currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("tag", "typed", "currency"),
    [
        ("en", "four", "USD"),
        ("en", "4.000,00", "USD"),
        ("en", "4.000", "USD"),  # four, or a German's four thousand
        ("de", "4,000.00", "EUR"),
        ("de", "4,000", "EUR"),
        ("en", "-1", "USD"),
        ("en", "NaN", "USD"),
        ("en", "Infinity", "USD"),
        ("en", "1e400", "USD"),
        ("en", "9999999999999", "USD"),
        ("en", "1.5", "JPY"),
        ("en", "$5", "USD"),
    ],
)
def test_an_amount_that_could_mean_something_else_is_asked_again(tag, typed, currency):
    with sent(cost=typed), i18n.speaking(tag), pytest.raises(Invalid) as refusal:
        forms.amount("cost", currency)
    assert refusal.value.field == "cost"


@pytest.mark.parametrize(
    ("tag", "typed", "number"),
    [("en", "1,200", 1200), ("de", "1.200", 1200), ("en", "20", 20), ("en", "", 0)],
)
def test_a_whole_number(tag, typed, number):
    with sent(goal=typed), i18n.speaking(tag):
        assert forms.whole("goal") == number


@pytest.mark.parametrize("typed", ["2.7", "-1", "x", "NaN", "Infinity", "1e30", "101", "0x10"])
def test_no_whole_number_or_out_of_range(typed):
    with sent(goal=typed), pytest.raises(Invalid) as refusal:
        forms.whole("goal", most=100)
    assert refusal.value.field == "goal"


@given(st.text(max_size=30), st.sampled_from(["en", "de", "ar-XB", "ja-JP"]))
def test_whatever_is_typed_as_a_number_is_refused_or_at_least_zero(typed, tag):
    with sent(cost=typed, goal=typed), i18n.speaking(tag):
        assert _refused_or(lambda: forms.amount("cost", "EUR").minor) >= 0
        assert _refused_or(lambda: forms.whole("goal")) >= 0


def _refused_or(read) -> int:
    try:
        return read()
    except Invalid:
        return 0


def test_a_date():
    with sent(close="2026-09-30", none=""):
        assert forms.day("close") == date(2026, 9, 30)
        assert forms.day("none") is None


@pytest.mark.parametrize("typed", ["30.09.2026", "2026-02-30", "0001-01-01", "9999-12-31", "x"])
def test_no_date_or_one_far_from_our_time(typed):
    with sent(close=typed), pytest.raises(Invalid) as refusal:
        forms.day("close")
    assert refusal.value.field == "close"


def test_a_time_is_understood_in_the_zone_of_the_form():
    with sent(at="2026-03-02T09:00"):
        found = forms.local_moment("at", "Asia/Tokyo")
    assert found is not None
    assert found.tzinfo == ZoneInfo("Asia/Tokyo")
    assert found.hour == 9


@pytest.mark.parametrize("typed", ["0001-01-01T00:00", "9999-12-31T23:59", "tomorrow", "25:00"])
def test_no_time_or_one_no_clock_reaches(typed):
    with sent(at=typed), pytest.raises(Invalid):
        forms.local_moment("at", "Asia/Tokyo")


def test_a_choice_is_one_of_those_offered():
    with sent(role="PA"):
        assert forms.choice("role", ["PA", "PM"]) == "PA"
        with pytest.raises(Invalid):
            forms.choice("role", ["PM"])


def test_an_identifier_is_one_or_names_nothing():
    with sent(good="019cadc6-9a80-7c15-b0dc-df0c7082d22d", bad="1 OR 1=1", none=""):
        assert str(forms.identifier("good")).startswith("019cadc6")
        assert forms.identifier("none") is None
        with pytest.raises(NotFound):
            forms.identifier("bad")


def test_a_required_text_asks_to_be_filled_in():
    with sent(name="  "), pytest.raises(Invalid, match="Fill this in"):
        forms.text("name", 50, required=True)


def test_a_filter_in_the_address_keeps_only_what_can_be_printed():
    with form.test_request_context("/?q=%00edge%0A%1b"):
        assert forms.asked("q") == "edge"


def test_faults_are_found_by_their_field():
    faults = forms.Faults()
    faults.add(Invalid("Too long.", field="name"))
    faults.add(Invalid("Try again."))
    assert faults == {"name": "Too long.", "": "Try again."}


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "//evil.example",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example/",
        "HTTPS://evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\tevil",
        "/\r\nLocation: https://evil.example",
        "evil.example",
        "http:///evil.example",
    ],
)
def test_next_never_leaves_this_site(target):
    assert forms.safe_next(target, "/home") == "/home"


@pytest.mark.parametrize("target", ["/", "/portal/leads/?state=new", "/team/#roles", "/a//b"])
def test_next_goes_back_to_a_path_of_ours(target):
    assert forms.safe_next(target, "/home") == target


@given(st.text(alphabet="/\\:?#@.abht\t\n ", max_size=12))
def test_no_text_leads_a_browser_to_another_site(target):
    kept = forms.safe_next(target, "/home")
    assert kept.startswith("/")
    assert not kept.startswith(("//", "/\\"))
