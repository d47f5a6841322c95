"""At most so many calls a second: for interfaces that allow one and answer "too many" for two."""

import time
from collections.abc import Callable
from threading import Lock


class Pace:
    def __init__(
        self,
        per_second: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / per_second
        self._now, self._sleep = now, sleep
        self._next = 0.0
        self._lock = Lock()

    def wait(self) -> None:
        """Until this call's turn; turns are given out in the order they were asked for."""
        with self._lock:
            now = self._now()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self._sleep(turn - now)
