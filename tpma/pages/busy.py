"""What many ask at the same moment is asked once.

A question to the database whose answer is a moment old costs a visit more than all the rest. So
long as few ask, each gets an answer of its own; from `MANY` in a span on, all of a span share one.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tpma.pages.queries import Kept

SPAN = 0.25  # seconds: the most an answer may be old
MANY = 10  # questions in a span
_MOST_KEPT = 512

_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class _Last(Generic[_Answer]):
    """The last answer to one question, and how often it was asked in this span."""

    answer: _Answer
    at: float
    span: int
    asked: int = 0
    is_busy: bool = False  # it was asked often in the span before

    def counted(self, span: int) -> "_Last[_Answer]":
        if span != self.span:
            self.is_busy = span == self.span + 1 and self.asked >= MANY
            self.span, self.asked = span, 0
        self.asked += 1
        return self

    def serves(self, now: float) -> bool:
        return (self.is_busy or self.asked > MANY) and now - self.at < SPAN


class Busy(Generic[_Answer]):
    """Threads may meet here without a lock: the worst is a question too many."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last: Kept[Hashable, _Last[_Answer]] = Kept(_MOST_KEPT)

    def ask(self, key: Hashable, question: Callable[[], _Answer]) -> _Answer:
        """The answer to `question`, now or less than `SPAN` ago. What it raises is not kept."""
        now = self._now()
        span = int(now / SPAN)
        last = self._last.get(key)
        if last is not None and last.counted(span).serves(now):
            return last.answer
        answer = question()
        if last is None:
            self._last.put(key, _Last(answer, now, span, asked=1))
        else:
            last.answer, last.at = answer, now
        return answer
