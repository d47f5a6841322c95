"""Money: parts sum exactly, one rounding, the digits of each currency (domain vector T-00)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tpma.core.money import Money, digits, from_major, split, times

weights = st.lists(
    st.one_of(st.integers(0, 10**6), st.fractions(0, 1000, max_denominator=97)),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize(
    ("minor", "shares", "parts"),
    [
        (100_00, (1, 1, 1), [3334, 3333, 3333]),  # T-00
        (1_00, (1,) * 7, [15, 15, 14, 14, 14, 14, 14]),  # T-00
        (-100_00, (1, 1, 1), [-3334, -3333, -3333]),
        (0, (1, 2), [0, 0]),
        (10, (0, 1), [0, 10]),
        (1, (1, 1), [1, 0]),
        (5, (Fraction(1, 3), Fraction(2, 3)), [2, 3]),
    ],
)
def test_split(minor, shares, parts):
    assert split(minor, shares) == parts


@given(st.integers(-(10**12), 10**12), weights)
def test_parts_sum_exactly_and_none_is_off_by_a_whole_unit(minor, shares):
    assume(sum(shares) > 0)
    parts = split(minor, shares)
    assert sum(parts) == minor
    total = sum(Fraction(share) for share in shares)
    exact = [Fraction(minor) * Fraction(share) / total for share in shares]
    assert all(abs(part - wanted) < 1 for part, wanted in zip(parts, exact, strict=True))


@given(st.integers(0, 10**9), weights)
def test_a_negative_amount_is_split_as_its_magnitude(minor, shares):
    assume(sum(shares) > 0)
    assert split(-minor, shares) == [-part for part in split(minor, shares)]


@pytest.mark.parametrize("shares", [(), (0,), (0, 0)])
def test_weights_that_give_nobody_anything_are_refused(shares):
    with pytest.raises(ValueError, match="more than zero"):
        split(100, shares)


@pytest.mark.parametrize(("currency", "places"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("HUF", 2)])
def test_minor_digits_are_those_of_iso_4217(currency, places):
    assert digits(currency) == places


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("14000", "USD", 1_400_000),
        ("0.005", "USD", 0),  # half-even
        ("0.015", "USD", 2),
        ("1234", "JPY", 1234),
        ("2.5", "JPY", 2),
        ("1.2345", "KWD", 1234),
    ],
)
def test_an_amount_as_typed_becomes_minor_units(amount, currency, minor):
    assert from_major(Decimal(amount), currency) == Money(minor, currency)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["USD", "JPY", "KWD"]))
def test_minor_units_survive_the_way_through_major(minor, currency):
    assert from_major(Money(minor, currency).major(), currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("minor", "ratio", "product"),
    [
        (5, Fraction(1, 2), 2),  # 2.5 → the even neighbour
        (7, Fraction(1, 2), 4),  # 3.5
        (-5, Fraction(1, 2), -2),
        (1000, Fraction(4, 5), 800),  # 0.8 is no binary float
        (100, Fraction(1, 3), 33),
    ],
)
def test_a_product_is_rounded_once_half_even(minor, ratio, product):
    assert times(Money(minor, "EUR"), ratio) == Money(product, "EUR")
