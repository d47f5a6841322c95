"""The life of a lead, when an answer is due, and what a decline needs."""

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tpma.core.errors import Conflict, Invalid
from tpma.leads import rules
from tpma.leads.models import LeadState
from tpma.leads.rules import LeadEvent
from tpma.web.states import STATES

BERLIN, TEHRAN, KOLKATA, TOKYO = "Europe/Berlin", "Asia/Tehran", "Asia/Kolkata", "Asia/Tokyo"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
S, E = LeadState, LeadEvent


@pytest.mark.parametrize(("state", "event"), list(product(LeadState, LeadEvent)))
def test_every_pair_of_state_and_event_is_in_the_table_or_refused(state, event):
    if (state, event) in rules.TRANSITIONS:
        assert rules.after(state, event) is rules.TRANSITIONS[state, event]
        assert rules.may(state, event)
    else:
        assert not rules.may(state, event)
        with pytest.raises(Conflict):
            rules.after(state, event)


def test_the_table_is_what_the_domain_says():
    assert {
        (S.ROUTED, E.ACCEPT, S.ACCEPTED),
        (S.ROUTED, E.DECLINE, S.DECLINED),
        (S.ACCEPTED, E.REOPEN, S.ROUTED),
        (S.DECLINED, E.REOPEN, S.ROUTED),
        (S.ACCEPTED, E.CONTACT, S.WORKING),
        (S.ACCEPTED, E.REGISTER_DEAL, S.DEAL_REGISTERED),
        (S.WORKING, E.REGISTER_DEAL, S.DEAL_REGISTERED),
        (S.WORKING, E.LOSE, S.LOST),
        (S.DEAL_REGISTERED, E.DROP_DEAL, S.WORKING),
        (S.DEAL_REGISTERED, E.WIN, S.CONVERTED),
        (S.DEAL_REGISTERED, E.LOSE, S.LOST),
    } == {(state, event, to) for (state, event), to in rules.TRANSITIONS.items()}


@pytest.mark.parametrize("state", [S.DUPLICATE, S.SPAM, S.CONVERTED, S.LOST])
def test_nothing_leads_out_of_an_end(state):
    assert not any(rules.may(state, event) for event in LeadEvent)


@pytest.mark.parametrize("state", list(LeadState))
def test_every_state_has_its_three_signs(state):
    assert len(STATES["lead"][state.value]) == 3


def at(zone, *parts):
    return datetime(*parts, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "zone", "country", "due"),
    [
        (at(BERLIN, 2026, 5, 7, 15), BERLIN, "DE", at(BERLIN, 2026, 5, 11, 15)),
        (at(BERLIN, 2026, 5, 6, 15), BERLIN, "DE", at(BERLIN, 2026, 5, 8, 15)),
        (at(BERLIN, 2026, 5, 6, 15), BERLIN, "IL", at(BERLIN, 2026, 5, 10, 15)),
        # A Saturday counts from Monday, nine o'clock.
        (at(BERLIN, 2026, 5, 9, 22), BERLIN, "DE", at(BERLIN, 2026, 5, 13, 9)),
        # Friday alone is free in Iran, Sunday alone in India.
        (at(TEHRAN, 2026, 5, 6, 10), TEHRAN, "IR", at(TEHRAN, 2026, 5, 9, 10)),
        (at(KOLKATA, 2026, 5, 8, 10), KOLKATA, "IN", at(KOLKATA, 2026, 5, 11, 10)),
        # 02:30 does not exist on 29 March 2026 in Berlin, and is there twice on 25 October.
        (at(BERLIN, 2026, 3, 26, 2, 30), BERLIN, "IR", at(BERLIN, 2026, 3, 29, 3, 0)),
        (at(BERLIN, 2026, 10, 22, 2, 30), BERLIN, "IR", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        # Already tomorrow in Tokyo.
        (datetime(2026, 5, 7, 23, tzinfo=UTC), TOKYO, "JP", at(TOKYO, 2026, 5, 12, 8)),
    ],
)  # fmt: skip
def test_an_answer_is_due_after_two_working_days_at_the_partners_clock(start, zone, country, due):
    assert rules.answer_due(start, zone, country) == due


@given(
    some.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    some.sampled_from(["US", "DE", "IL", "IR", "IN", "AE", "ZZ", ""]),
)
def test_nobody_has_less_than_a_day_or_more_than_a_week(start, country):
    due = rules.answer_due(start, "Europe/Paris", country)
    assert timedelta(hours=23) < due - start < timedelta(days=6)
    assert due.astimezone(ZoneInfo("Europe/Paris")).weekday() not in rules.days_off(country)


def test_a_reason_must_be_one_of_the_list():
    with pytest.raises(Invalid) as refusal:
        rules.decline_reason("because", "")
    assert refusal.value.field == "reason"


def test_something_else_must_be_said():
    with pytest.raises(Invalid) as refusal:
        rules.decline_reason("other", "   ")
    assert refusal.value.field == "note"


@pytest.mark.parametrize("reason", [code for code in rules.DECLINE_REASONS if code != "other"])
def test_a_known_reason_needs_no_note(reason):
    assert rules.decline_reason(reason, "") == (reason, "")


def test_a_note_is_kept_as_it_was_written_and_bounded():
    assert rules.decline_reason("other", " {{ 7*7 }} <b>x</b> ")[1] == "{{ 7*7 }} <b>x</b>"
    with pytest.raises(Invalid):
        rules.decline_reason("other", "x" * 301)
