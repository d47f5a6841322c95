"""The life of a message as a table: every pair of state and event is decided."""

import pytest

from tpma.ports.mail import Outcome
from tpma.sending.models import OPEN_STATES, FactKind, SendState
from tpma.sending.outcomes import MOVES
from tpma.sending.rules import (
    AFTER_UNSENDABLE,
    TERMINAL,
    TRANSITIONS,
    SendEvent,
    shown_status,
)

S, E = SendState, SendEvent
# How far a message has come. An event may repeat a stretch only with proof that nothing left.
_ORDER = {S.PLANNED: 0, S.QUEUED: 1, S.SUBMITTING: 2, S.IN_DOUBT: 3, S.UNCONFIRMED: 4}
_BACK_WITH_PROOF = {(S.SUBMITTING, E.NOT_SENT), (S.IN_DOUBT, E.PROVE_ABSENT)}
_BACK_BY_A_PERSON = {(S.UNCONFIRMED, E.RESEND), (S.DEAD, E.REVIVE)}


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("event", list(E))
def test_every_pair_goes_forward_or_nowhere(state, event):
    after = TRANSITIONS.get((state, event))
    if after is None or (state, event) in _BACK_WITH_PROOF | _BACK_BY_A_PERSON:
        return
    assert _ORDER.get(after, 5) > _ORDER.get(state, 5)


@pytest.mark.parametrize("state", sorted(TERMINAL - {S.UNCONFIRMED, S.DEAD}))
def test_nothing_leads_out_of_an_end(state):
    assert not [event for event in E if (state, event) in TRANSITIONS]


def test_late_proof_and_a_person_are_all_that_lead_out_of_unconfirmed():
    assert [e for e in E if (S.UNCONFIRMED, e) in TRANSITIONS] == [E.ACCEPT, E.RESEND]


def test_a_person_alone_leads_out_of_dead():
    ways = {e: TRANSITIONS[S.DEAD, e] for e in E if (S.DEAD, e) in TRANSITIONS}
    assert ways == {E.REVIVE: S.QUEUED}


def test_open_and_ended_states_are_all_there_are():
    assert set(OPEN_STATES) | TERMINAL == set(S)
    assert not set(OPEN_STATES) & TERMINAL


@pytest.mark.parametrize("state", list(OPEN_STATES))
def test_every_open_state_has_a_way_to_an_end(state):
    reached, todo = set(), [state]
    while todo:
        here = todo.pop()
        if here not in reached:
            reached.add(here)
            todo += [after for (before, _e), after in TRANSITIONS.items() if before is here]
    assert reached & TERMINAL


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_moves_a_message_as_the_table_says(outcome):
    before, after = MOVES[outcome]
    assert all(after in {TRANSITIONS.get((state, event)) for event in E} for state in before)


def test_what_cannot_be_sent_leaves_the_queue_as_the_table_says():
    assert all((S.QUEUED, event) in TRANSITIONS for event in AFTER_UNSENDABLE.values())


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (set(), "queued"),
        ({FactKind.ACCEPTED}, "accepted"),
        ({FactKind.ACCEPTED, FactKind.DELAYED}, "delayed"),
        ({FactKind.ACCEPTED, FactKind.DELAYED, FactKind.DELIVERED}, "delivered"),
        ({FactKind.DELIVERED, FactKind.BOUNCED_SOFT}, "bounced_soft"),
        ({FactKind.BOUNCED_SOFT, FactKind.BOUNCED_HARD}, "bounced_hard"),
        ({FactKind.BOUNCED_HARD, FactKind.COMPLAINED}, "complained"),
    ],
)
def test_the_worst_news_is_shown(facts, shown):
    assert shown_status(S.QUEUED, facts) == shown
