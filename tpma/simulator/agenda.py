"""What is to happen later, by the simulator's clock: events, retries, late answers."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from tpma.simulator.clock import Clock

_MOST_AT_ONCE = 200  # requests wait meanwhile


class Agenda:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._changed = asyncio.Event()
        clock.when_moved(self._changed.set)

    def __len__(self) -> int:
        return len(self._due)

    def at(self, due: float, act: Callable[[], None]) -> None:
        first = self._due[0][0] if self._due else None
        heapq.heappush(self._due, (due, next(self._order), act))
        if first is None or due < first:
            self._changed.set()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self._clock.now() + seconds, act)

    def _take(self, most: int) -> list[Callable[[], None]]:
        now = self._clock.now()
        found: list[Callable[[], None]] = []
        while len(found) < most and self._due and self._due[0][0] <= now:
            found.append(heapq.heappop(self._due)[2])
        return found

    def act(self) -> None:
        """Do what is due, and what becomes due by that."""
        while found := self._take(1):
            found[0]()

    async def keep(self) -> None:
        """Run until cancelled; what fails is the loop's to report and stops nothing else."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            for act in self._take(_MOST_AT_ONCE):
                loop.call_soon(act)
            wait = self._due[0][0] - self._clock.now() if self._due else None
            if wait is not None and wait <= 0:
                await asyncio.sleep(0)
                continue
            await self._sleep(wait)

    async def _sleep(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return
