"""Time as the simulator sees it: the machine's, moved ahead when somebody asks."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._ahead = 0.0
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Seconds since 1970."""
        return self._source() + self._ahead

    def wall(self) -> float:
        """The source's own time: what clients sign their requests with."""
        return self._source()

    def forward(self, seconds: float) -> None:
        self._ahead += seconds
        for told in self._listeners:
            told()

    def when_moved(self, told: Callable[[], None]) -> None:
        self._listeners.append(told)


def iso(seconds: float) -> str:
    """As AWS writes a moment: 2026-03-02T09:00:00.000Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
