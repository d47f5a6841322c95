"""Keyset pages: no item twice, none left out."""

from dataclasses import dataclass

import pytest
from flask import Flask

from tpma.web.paging import page_of


@dataclass
class Thing:
    id: int


@pytest.mark.parametrize(
    ("rows", "shown", "older"), [(0, 0, None), (3, 3, None), (5, 5, None), (6, 5, "4")]
)
def test_the_key_to_go_on_from_is_that_of_the_last_item_shown(rows, shown, older):
    with Flask("x").test_request_context("/"):
        page = page_of([Thing(number) for number in range(rows)], size=5)
    assert (len(page.items), page.older, page.first) == (shown, older, True)


def test_a_later_page_knows_that_it_is_not_the_first():
    with Flask("x").test_request_context("/?before=9"):
        assert page_of([Thing(1)]).first is False
