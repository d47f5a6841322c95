"""The life of a launch as a table: every pair of state and event is decided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Conflict
from tpma.launches.models import LaunchState
from tpma.launches.rules import EDITABLE, LIVE, TRANSITIONS, LaunchEvent, after

S, E = LaunchState, LaunchEvent
ENDS = {S.CANCELLED, S.ARCHIVED}
_PAIRS = [(state, event) for state in S for event in E]


@pytest.mark.parametrize(("state", "event"), _PAIRS)
def test_what_is_not_in_the_table_is_refused_in_words(state, event):
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(Conflict) as refusal:
        after(state, event)
    assert refusal.value.message


@given(st.lists(st.sampled_from(list(E)), max_size=30))
def test_no_walk_sends_what_was_never_checked_or_wakes_what_has_ended(events):
    state, been = S.DRAFT, [S.DRAFT]
    for event in events:
        try:
            state = after(state, event)
        except Conflict:
            continue
        assert been[-1] not in ENDS
        if state is S.RUNNING and been[-1] is not S.PAUSED:
            assert been[-1] is S.SCHEDULED
        if state is S.SCHEDULED:
            assert been[-1] is S.READY
        been.append(state)


@pytest.mark.parametrize("state", sorted(set(S) - EDITABLE))
def test_only_what_is_not_yet_scheduled_can_be_edited(state):
    with pytest.raises(Conflict, match="edited"):
        after(state, E.EDIT)


def test_an_edit_takes_a_checked_launch_back():
    assert after(S.READY, E.EDIT) is S.DRAFT


@pytest.mark.parametrize("state", [S.SCHEDULED, S.DRAFT, S.READY])
def test_before_the_first_mail_a_stop_cancels(state):
    assert after(state, E.CANCEL) is S.CANCELLED


@pytest.mark.parametrize("state", [S.RUNNING, S.PAUSED])
def test_after_the_first_mail_a_stop_aborts(state):
    assert after(state, E.ABORT) is S.ABORTED
    with pytest.raises(Conflict):
        after(state, E.CANCEL)


@pytest.mark.parametrize("state", list(S))
def test_every_state_has_a_way_to_an_end(state):
    reached, todo = set(), [state]
    while todo:
        here = todo.pop()
        if here not in reached:
            reached.add(here)
            todo += [to for (frm, _event), to in TRANSITIONS.items() if frm is here]
    assert reached & (ENDS | {S.ENDED, S.ABORTED})


def test_what_can_be_edited_is_not_live():
    assert not EDITABLE & LIVE
