"""A question that many ask at once: one answer for all of a moment, one each while few ask."""

from itertools import count

import pytest

from tpma.core.errors import NotFound
from tpma.pages.busy import MANY, SPAN, Busy


class Stage:
    def __init__(self):
        self.now, self.asked = 50 * SPAN, count(1)
        self.busy = Busy(lambda: self.now)

    def ask(self, key="page"):
        return self.busy.ask(key, lambda: next(self.asked))

    def asks(self, number):
        return [self.ask() for _time in range(number)]


@pytest.fixture
def stage():
    return Stage()


def test_while_few_ask_each_has_an_answer_of_its_own(stage):
    assert stage.asks(MANY) == list(range(1, MANY + 1))


def test_from_many_on_all_share_the_last_answer(stage):
    stage.asks(MANY)
    assert stage.asks(3) == [MANY] * 3


def test_a_busy_time_asks_once_a_span(stage):
    stage.asks(MANY + 5)
    stage.now += SPAN
    assert stage.asks(5) == [MANY + 1] * 5


def test_no_answer_is_older_than_a_span(stage):
    stage.asks(MANY + 1)
    stage.now += SPAN * 0.75
    stage.asks(MANY + 1)
    stage.now += SPAN * 0.5
    assert stage.ask() == MANY + 1


def test_after_a_quiet_span_each_asks_for_itself_again(stage):
    stage.asks(MANY + 5)
    stage.now += 2 * SPAN
    assert stage.asks(2) == [MANY + 1, MANY + 2]


def test_questions_do_not_mix(stage):
    stage.asks(MANY + 1)
    assert stage.ask("another") == MANY + 1


def test_an_error_is_nobody_elses(stage):
    def refuse():
        raise NotFound("no")

    stage.asks(MANY)
    stage.now += SPAN
    with pytest.raises(NotFound):
        stage.busy.ask("page", refuse)
    assert stage.ask() == MANY + 1
