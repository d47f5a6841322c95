"""When soft bounces close an address: a table, and what holds for any history."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.ses import NOW
from tpma.sending.events.rules import MAILBOX_FULL, SoftBounce, closed_until

LAUNCHES = {"a": uuid4(), "b": uuid4(), "c": uuid4()}
SOFT, FULL = "General", MAILBOX_FULL


def bounces(*told):
    return [
        SoftBounce(NOW + timedelta(days=day), LAUNCHES[launch], subtype)
        for day, launch, subtype in told
    ]


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ([], None),
        ([(0, "a", SOFT), (1, "b", SOFT)], None),
        ([(0, "a", SOFT), (1, "b", SOFT), (2, "b", SOFT)], 92),
        ([(0, "a", SOFT), (1, "a", SOFT), (2, "a", SOFT), (3, "a", SOFT)], None),
        ([(0, "a", SOFT), (15, "b", SOFT), (29.9, "b", SOFT)], 119.9),
        ([(0, "a", SOFT), (15, "b", SOFT), (30, "b", SOFT)], None),
        ([(0, "a", SOFT), (1, "b", SOFT), (2, "b", SOFT), (40, "b", SOFT)], 92),
        ([(0, "a", SOFT), (1, "b", SOFT), (2, "b", SOFT), (20, "c", SOFT)], 110),
        ([(n, "ab"[n % 2], FULL) for n in range(4)], None),
        ([(n, "ab"[n % 2], FULL) for n in range(5)], 94),
        ([(n, "ab"[n % 2], FULL) for n in range(2)] + [(2, "a", SOFT), (3, "b", SOFT)], None),
        ([(n, "ab"[n % 2], FULL) for n in range(3)] + [(3, "a", SOFT), (4, "b", SOFT)], 94),
        ([(0, "a", FULL), (1, "b", SOFT), (2, "a", SOFT), (3, "b", SOFT)], 93),
    ],
)
def test_three_in_thirty_days_over_two_launches_and_five_of_a_full_mailbox(told, day):
    assert closed_until(bounces(*told)) == (None if day is None else NOW + timedelta(days=day))


histories = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from("abc"), st.sampled_from([SOFT, FULL])), max_size=8
)


@given(told=histories, seed=st.randoms(use_true_random=False))
def test_the_order_they_are_told_in_does_not_matter(told, seed):
    shuffled = list(told)
    seed.shuffle(shuffled)
    assert closed_until(bounces(*told)) == closed_until(bounces(*shuffled))


@given(told=histories, more=histories)
def test_another_bounce_never_opens_an_address(told, more):
    before, after = closed_until(bounces(*told)), closed_until(bounces(*told, *more))
    assert before is None or (after is not None and after >= before)
