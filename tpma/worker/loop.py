"""The worker in one process: due jobs, mails to send, deaths and deadlines, then a short sleep.

Everything it does is a row in the database, so it may be killed at any moment, and any number of
them may run beside one another.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from tpma import jobs
from tpma.core.log import logger
from tpma.sending import engine, recovery, service
from tpma.system import System
from tpma.worker import handlers

_log = logger("worker")
_BATCHES_A_ROUND = 25  # so that jobs and recovery get their turn during a long send


class Worker:
    """`run()` until `stop()`; the current batch is finished and recorded before it returns."""

    def __init__(self, system: System) -> None:
        handlers.load()
        self._system = system
        self._owner = str(uuid4())
        self._stopping = threading.Event()
        self._swept: datetime | None = None

    def run(self) -> None:
        _log.info("worker started", owner=self._owner)
        while not self._stopping.is_set():
            if not self.round():
                self._stopping.wait(self._system.settings.poll_seconds)
        _log.info("worker stopped", owner=self._owner)

    def stop(self) -> None:
        self._stopping.set()

    def round(self) -> int:
        """One turn of everything; how much was done, 0 when there was nothing to do."""
        system = self._system
        return (
            self._try(lambda: jobs.run_due(system))
            + self._try(lambda: engine.drain(system, self._owner, most_batches=_BATCHES_A_ROUND))
            + self._try(lambda: recovery.tick(system))
            + self._try(self._expire)
            + self._try(self._sweep)
        )

    def _try(self, part: Callable[[], int]) -> int:
        try:
            return part()
        except Exception:  # a door: the loop outlives any one failure, and says so
            _log.exception("part of a round failed")
            return 0

    def _expire(self) -> int:
        with self._system.db.transaction() as session:
            return service.expire(session, self._system.clock())

    def _sweep(self) -> int:
        now = self._system.clock()
        if self._swept is not None and now - self._swept < jobs.SWEEP_EVERY:
            return 0
        self._swept = now
        return jobs.sweep(self._system)


def settle(system: System, *, most_rounds: int = 200) -> None:
    """Work until nothing is due: for the demo, tests and `tpma worker --once`."""
    worker = Worker(system)
    for _round in range(most_rounds):
        if not worker.round() and not jobs.due(system):
            return
