"""The one exporter: whatever strangers typed, no spreadsheet runs it."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.core.sheets import disarmed, is_formula, to_csv


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\nx",
        "  =cmd|' /C calc'!A0",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "\ufeff=1",
        "\u200b=1",
        "\u00a0=1",
        "\x00=1",
        "﹦1",
    ],
)
def test_text_that_begins_like_a_formula_is_disarmed(text):
    assert disarmed(text) == "'" + text


@pytest.mark.parametrize("text", ["Ada", "a=b", "", "'=1", "1-1", "ada@x.example"])
def test_other_text_stays_as_it_is(text):
    assert disarmed(text) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-5, "-5"),
        (Decimal("-1.50"), "-1.50"),
        (None, ""),
        (True, "yes"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 9, tzinfo=UTC), "2026-03-02T09:00:00+00:00"),
    ],
)
def test_our_own_numbers_and_dates_stay_what_they_are(value, shown):
    assert disarmed(value) == shown


@given(st.text(max_size=20))
def test_no_text_leaves_as_a_formula(text):
    assert not is_formula(disarmed(text))


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=4), min_size=1, max_size=6))
def test_a_sheet_is_read_back_as_it_was_but_for_the_disarmed_cells(rows):
    read = list(csv.reader(io.StringIO(to_csv(rows).decode("utf-8-sig"), newline="")))
    assert read == [[disarmed(cell) for cell in row] for row in rows]


def test_excel_is_told_that_it_is_unicode():
    assert to_csv([["Jörg"]]) == b"\xef\xbb\xbf" + "Jörg\r\n".encode()
