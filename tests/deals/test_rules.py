from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.errors import Conflict
from tpma.deals import rules
from tpma.deals.models import DealState as S
from tpma.deals.rules import DealEvent as E

# docs/domain.md, Deal.
EXPECTED = {
    (S.DRAFT, E.SUBMIT): S.SUBMITTED,
    (S.DRAFT, E.WITHDRAW): S.WITHDRAWN,
    (S.SUBMITTED, E.AUTO_APPROVE): S.APPROVED,
    (S.SUBMITTED, E.TAKE): S.IN_REVIEW,
    (S.SUBMITTED, E.QUEUE): S.QUEUED,
    (S.SUBMITTED, E.WITHDRAW): S.WITHDRAWN,
    (S.IN_REVIEW, E.QUEUE): S.QUEUED,
    (S.IN_REVIEW, E.REQUEST_INFO): S.ACTION_REQUIRED,
    (S.IN_REVIEW, E.APPROVE): S.APPROVED,
    (S.IN_REVIEW, E.REJECT): S.REJECTED,
    (S.IN_REVIEW, E.WITHDRAW): S.WITHDRAWN,
    (S.QUEUED, E.PROMOTE): S.IN_REVIEW,
    (S.QUEUED, E.REJECT): S.REJECTED,
    (S.QUEUED, E.WITHDRAW): S.WITHDRAWN,
    (S.ACTION_REQUIRED, E.RESUBMIT): S.IN_REVIEW,
    (S.ACTION_REQUIRED, E.LAPSE): S.REJECTED,
    (S.ACTION_REQUIRED, E.WITHDRAW): S.WITHDRAWN,
    (S.APPROVED, E.EXPIRE): S.EXPIRED,
    (S.APPROVED, E.WIN): S.WON,
    (S.APPROVED, E.LOSE): S.LOST,
}


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("event", list(E))
def test_every_pair_of_state_and_event(state, event):
    wanted = EXPECTED.get((state, event))
    assert rules.may(state, event) is (wanted is not None)
    if wanted is None:
        with pytest.raises(Conflict):
            rules.after(state, event)
    else:
        assert rules.after(state, event) is wanted


def at(hour, minute=0, second=0):
    return datetime(2026, 4, 10, hour, minute, second, tzinfo=UTC)


ONE, TWO = UUID(int=1), UUID(int=2)


def test_the_first_complete_registration_wins_not_the_first_draft():
    """T-63: P1 drafts at 09:00 and completes at 11:00, P2 drafts at 10:00, completes at 10:30."""
    assert rules.priority(at(10, 30), 1, TWO) < rules.priority(at(11), 1, ONE)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((at(9, 0, 59), 1, TWO), (at(9, 1, 0), 9, ONE)),  # a minute decides before evidence
        ((at(9, 0, 59), 2, TWO), (at(9, 0, 1), 1, ONE)),  # in one minute, more evidence
        ((at(9, 0, 59), 1, ONE), (at(9, 0, 1), 1, TWO)),  # then the id
    ],
)
def test_order_in_line(first, second):
    assert rules.priority(*first) < rules.priority(*second)


@given(
    st.lists(
        st.tuples(
            st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)),  # noqa: DTZ001
            st.integers(1, 4),
            st.uuids(),
        ),
        min_size=2,
        unique_by=lambda case: case[2],
    )
)
def test_the_order_is_total_and_ignores_the_order_of_arrival(cases):
    keys = [rules.priority(when.replace(tzinfo=UTC), count, id) for when, count, id in cases]
    assert len(set(keys)) == len(keys)
    assert max(keys) > min(keys)


def test_protection_counts_from_the_day_of_the_approval():
    """T-64, first part."""
    assert rules.protected_until(at(12), 90, "UTC") == date(2026, 7, 9)


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", 10), ("Asia/Tokyo", 11), ("America/Los_Angeles", 10)]
)
def test_the_day_is_the_vendors(zone, day):
    assert rules.protected_until(at(23), 0, zone) == date(2026, 4, day)


@pytest.mark.parametrize(
    ("zone", "now", "holds"),
    [
        ("UTC", datetime(2026, 7, 9, 23, 59, 59, tzinfo=UTC), True),
        ("UTC", datetime(2026, 7, 10, tzinfo=UTC), False),
        ("America/New_York", datetime(2026, 7, 10, 3, 59, tzinfo=UTC), True),
        ("America/New_York", datetime(2026, 7, 10, 4, 0, tzinfo=UTC), False),
        ("Asia/Tokyo", datetime(2026, 7, 9, 14, 59, tzinfo=UTC), True),
        ("Asia/Tokyo", datetime(2026, 7, 9, 15, 0, tzinfo=UTC), False),
    ],
)
def test_protection_ends_with_its_last_day_in_the_vendors_zone(zone, now, holds):
    assert rules.still_protected(date(2026, 7, 9), zone, now) is holds


def proposal(**changes):
    complete = {
        "account_name": "Harbor Point",
        "account_domain": "harborpoint.example",
        "country": "US",
        "product_families": ("security",),
        "value_minor": 1,
        "expected_close": date(2026, 4, 10),
        "stage": "qualified",
        "evidence": 1,
    }
    return rules.Proposal(**complete | changes)


TODAY = date(2026, 4, 10)


def test_a_complete_registration_has_no_fault():
    assert rules.first_fault(proposal(), TODAY) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"value_minor": 0}, "value"),
        ({"expected_close": None}, "close"),
        ({"expected_close": TODAY - timedelta(days=1)}, "close"),
        ({"account_name": ""}, "account_name"),
        ({"account_domain": ""}, "account_domain"),
        ({"country": ""}, "country"),
        ({"product_families": ()}, "products"),
        ({"stage": "prospect"}, "stage"),
        ({"stage": "won"}, "stage"),
        ({"evidence": 0}, "note"),
    ],
)
def test_what_is_missing_is_named(changes, field):
    assert rules.first_fault(proposal(**changes), TODAY)[0] == field


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [(["a"], ["a", "b"], True), (["a"], ["b"], False), ([], ["a"], False)],
)
def test_overlap_of_products(ours, theirs, expected):
    assert rules.overlap(ours, theirs) is expected


@pytest.mark.parametrize(
    ("terms", "country", "families", "covered"),
    [
        (rules.Terms((), ()), "JP", ["x"], (True, True)),
        (rules.Terms(("US",), ("x",)), "US", ["x"], (True, True)),
        (rules.Terms(("US",), ("x",)), "CA", ["x", "y"], (False, False)),
    ],
)
def test_terms_of_the_agreement(terms, country, families, covered):
    assert (terms.covers_country(country), terms.covers_products(families)) == covered
