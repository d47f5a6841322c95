from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.deals import at
from tpma.core.i18n import speaking
from tpma.core.money import Money
from tpma.measurement import metrics, privacy, shown
from tpma.measurement.charts import width_of
from tpma.measurement.privacy import OTHERS, Row
from tpma.measurement.quarters import quarter_of


def usd(major):
    return Money(major * 100, "USD")


@pytest.mark.parametrize(
    ("spend", "number", "expected"),
    [
        (usd(65_000), 250, Money(26_000, "USD")),  # T-40: 260.00
        (usd(65_000), 210, Money(30_952, "USD")),  # T-40: 309.52 for each accepted one
        (Money(65_000, "JPY"), 250, Money(260, "JPY")),
        (Money(10_000, "KWD"), 3, Money(3_333, "KWD")),
        (usd(0), 3, usd(0)),
        (usd(1), 0, None),
    ],
)
def test_cost_per_lead(spend, number, expected):
    assert metrics.cost_per(spend, number) == expected


def test_pipeline_to_spend():
    """T-41."""
    ratio = metrics.pipeline_to_spend(usd(320_000), usd(65_000))
    assert ratio == Fraction(64, 13)
    assert shown.number(ratio) == "4.92"


def test_two_currencies_are_never_divided():
    with pytest.raises(ValueError, match="one currency"):
        metrics.pipeline_to_spend(usd(1), Money(1, "EUR"))


def test_acceptance():
    """T-52."""
    assert shown.percent(metrics.rate(210, 250)) == "84.0%"
    assert shown.percent(metrics.rate(11, 12)) == "91.7%"


@pytest.mark.parametrize("part", [0, 1, 7])
def test_no_denominator_is_not_a_number(part):
    assert metrics.rate(part, 0) is None
    assert metrics.pipeline_to_spend(Money(part, "USD"), usd(0)) is None
    assert shown.ratio(None) == shown.percent(None) == shown.money(None) == "n/a"


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (Fraction(21, 4), "5.25"),
        (Fraction(5), "5.00"),
        (Fraction(1, 200), "0.00"),  # half-even
        (Fraction(3, 200), "0.02"),
        (Fraction(12345), "12,345.00"),
    ],
)
def test_two_places_rounded_half_even(ratio, words):
    assert shown.number(ratio) == words


def test_figures_follow_the_readers_language():
    with speaking("de"):
        assert shown.number(Fraction(21, 4)) == "5,25"
        assert shown.percent(Fraction(84, 100)) == "84,0\u00a0%"


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_cost_per_lead_is_within_half_a_minor_unit(minor, number):
    each = metrics.cost_per(Money(minor, "USD"), number)
    assert abs(Fraction(minor, number) - each.minor) <= Fraction(1, 2)


def row(key, sent, leads=0):
    return Row(key, sent, sent, sent, sent, leads)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("en", 50), row("de", 5)], [("en", 50), ("de", 5)]),
        ([row("en", 50), row("de", 3), row("fr", 2)], [("en", 50), (OTHERS, 5)]),
        ([row("en", 50), row("de", 6), row("fr", 2)], [("en", 50), (OTHERS, 8)]),
        ([row("en", 50), row("fr", 2)], [(OTHERS, 52)]),
        ([row("en", 4)], []),
        ([], []),
    ],
)
def test_small_languages_are_added_up(rows, expected):
    assert [(r.key, r.sent) for r in privacy.grouped(rows)] == expected


rows_of = st.lists(
    st.builds(row, st.text("abc", min_size=1), st.integers(0, 20), st.integers(0, 9))
)


@given(rows_of)
def test_no_shown_row_speaks_of_fewer_than_five(rows):
    for found in privacy.grouped(rows):
        assert found.sent >= privacy.FEWEST


@given(rows_of)
def test_subtracting_from_the_total_finds_nothing_small(rows):
    grouped = privacy.grouped(rows)
    total = sum(r.sent for r in rows)
    hidden = total - sum(r.sent for r in grouped)
    assert hidden == 0 or grouped == []
    if grouped:
        assert sum(r.leads for r in grouped) == sum(r.leads for r in rows)


@pytest.mark.parametrize(
    ("count", "whole", "width"), [(0, 10, "0"), (10, 10, "100.0"), (1, 9999, "0.5"), (3, 0, "0")]
)
def test_bars_stay_visible_and_inside(count, whole, width):
    assert width_of(count, whole) == width


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        (at(2026, 3, 31, 23, 30), "UTC", (2026, 1)),
        (at(2026, 3, 31, 23, 30), "Europe/Berlin", (2026, 2)),
        (at(2026, 1, 1, 2), "America/New_York", (2025, 4)),
    ],
)
def test_quarters_turn_at_midnight_of_the_zone(now, zone, expected):
    found = quarter_of(now, zone)
    assert (found.year, found.number) == expected
    assert found.start <= now


def test_every_metric_has_its_words():
    for key, metric in metrics.METRICS.items():
        assert metric.key == key
        assert metric.formula.endswith(".")
