"""Old beside new, and until when an answer is due."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.branding import reviewing


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        (datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 4, 9, tzinfo=UTC)),
        (datetime(2026, 3, 5, 9, tzinfo=UTC), datetime(2026, 3, 9, 9, tzinfo=UTC)),  # a Thursday
        (datetime(2026, 3, 7, 9, tzinfo=UTC), datetime(2026, 3, 10, 9, tzinfo=UTC)),  # a Saturday
    ],
)
def test_an_answer_is_due_in_two_business_days(sent, due):
    assert reviewing.due(sent) == due


@pytest.mark.parametrize(
    ("old", "new", "left", "right"),
    [
        ("One two three", "One two four", [("One two ", False), ("three", True)],
         [("One two ", False), ("four", True)]),
        ("alike", "alike", [("alike", False)], [("alike", False)]),
        ("", "new", [("", True)], [("new", True)]),
        ("Nothing in common here", "Ganz etwas anderes", [("Nothing in common here", True)],
         [("Ganz etwas anderes", True)]),
        ("支店を診断します", "支店を点検します",
         [("支店を", False), ("診断", True), ("します", False)],
         [("支店を", False), ("点検", True), ("します", False)]),
    ],
)  # fmt: skip
def test_what_differs_is_marked_by_words(old, new, left, right):
    assert reviewing.differences(old, new) == (left, right)


@given(st.text(max_size=120), st.text(max_size=120))
def test_no_letter_is_lost(old, new):
    left, right = reviewing.differences(old, new)
    assert "".join(words for words, _ in left) == old
    assert "".join(words for words, _ in right) == new
