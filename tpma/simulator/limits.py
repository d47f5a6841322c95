"""Rate and daily quota, counted in recipients.

SES lets a call through while anything is left and charges all of its recipients, so a mail to
five may overdraw the rate and the next five seconds' worth pays for it.
"""

from collections import deque
from collections.abc import Iterable

DAY = 86_400.0


class Gcra:
    """A rate that tolerates a burst (generic cell rate algorithm)."""

    def __init__(self) -> None:
        self._paid_until = 0.0  # the "theoretical arrival time"

    def admits(self, n: int, rate: float, burst: float, now: float) -> bool:
        """Take `n` at `rate` a second if one more fits into the burst."""
        emission = 1 / rate
        start = max(self._paid_until, now)
        if start - now > (burst - 1) * emission + 1e-9:
            return False
        self._paid_until = start + n * emission
        return True

    def forget(self) -> None:
        """A new rate does not pay for what the old one let through."""
        self._paid_until = 0.0


class Day:
    """How much went out in the last 24 hours, to the second."""

    def __init__(self) -> None:
        self._seconds: deque[list[float]] = deque()  # [second, count]
        self._sent = 0.0

    def sent(self, now: float) -> float:
        while self._seconds and self._seconds[0][0] <= now - DAY:
            self._sent -= self._seconds.popleft()[1]
        return self._sent

    def count(self, n: int, at: float) -> None:
        second = float(int(at))
        if self._seconds and self._seconds[-1][0] >= second:
            self._seconds[-1][1] += n
        else:
            self._seconds.append([second, n])
        self._sent += n

    def recall(self, moments: Iterable[float], now: float) -> None:
        """Count what a journal says was accepted before a restart."""
        for at in moments:
            if at > now - DAY:
                self.count(1, at)
