"""One line of the table, and how two ways are measured side by side.

An absolute figure does not travel from one machine to the next; how much one way costs against
another, measured in turns in one run, does.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

Way = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    unit: str
    ours: float
    reference: float
    ratio: float
    goal: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal


def in_turns(
    ways: list[Way], rounds: int, clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Median seconds of each way. Rounds take turns, so that a slow minute slows all alike."""
    costs = [[_cost(way, clock) for way in ways] for _round in range(rounds)]
    return [median(column) for column in zip(*costs, strict=True)]


def _cost(way: Way, clock: Callable[[], float]) -> float:
    before = clock()
    way()
    return clock() - before


@contextmanager
def stopwatch(clock: Callable[[], float] = time.perf_counter) -> Iterator[list[float]]:
    """Seconds of the block, put into the list when it ends."""
    spent: list[float] = []
    before = clock()
    yield spent
    spent.append(clock() - before)
