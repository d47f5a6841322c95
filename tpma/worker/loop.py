"""The worker in one process: due jobs, mails to send, deaths and deadlines, then a short sleep.

Everything it does is a row in the database, so it may be killed at any moment, and any number of
them may run beside one another.
"""

import gc
import threading
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from tpma import jobs
from tpma.core.log import logger
from tpma.ports.events import EventSource, RawEvent
from tpma.sending import engine, following, provider, recovery, service
from tpma.sending.events import feeding, tending
from tpma.system import System
from tpma.worker import handlers

_log = logger("worker")
_LONG_WAIT = 10.0  # seconds a queue holds our question open
_AFTER_FAILURE = 5.0
_SENDING_A_ROUND = 3.0  # seconds, so that jobs and recovery get their turn during a long send


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
        gc.freeze()  # the program itself is no garbage; searching it again and again takes long
        listener = threading.Thread(target=self._listen, name="events", daemon=True)
        listener.start()
        while not self._stopping.is_set():
            jobs.due_here.clear()
            if not self.round() and not self._stopping.is_set():
                jobs.due_here.wait(self._system.settings.poll_seconds)
        listener.join(_LONG_WAIT + 1)
        _log.info("worker stopped", owner=self._owner)

    def _listen(self) -> None:
        """Beside the rounds: a queue is asked with a long wait. Dying here loses nothing, what
        was not acknowledged comes again."""
        if self._system.events is None:
            return
        while not self._stopping.is_set():
            try:
                listen(self._system, wait_s=_LONG_WAIT)
            except Exception:  # a door: a queue that cannot be reached is asked again
                _log.exception("event queue failed")
                self._stopping.wait(_AFTER_FAILURE)

    def stop(self) -> None:
        self._stopping.set()
        jobs.due_here.set()

    def round(self) -> int:
        """One turn of everything; how much was done, 0 when there was nothing to do."""
        system = self._system
        return (
            self._try(lambda: jobs.run_due(system))
            + self._try(lambda: provider.refresh(system))
            + self._try(lambda: following.release(system))
            + self._try(lambda: engine.drain(system, self._owner, most_seconds=_SENDING_A_ROUND))
            + self._try(lambda: recovery.tick(system))
            + self._try(lambda: tending.tick(system))
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


def listen(system: System, *, wait_s: float, most: int = 10) -> int:
    """Take what the event queue has and acknowledge what is committed; how much that was."""
    source = system.events
    if source is None:
        return 0
    settled = [raw for raw in source.receive(most, wait_s) if _settled(system, source, raw)]
    source.ack(settled)
    return len(settled)


def _settled(system: System, source: EventSource, raw: RawEvent) -> bool:
    """Applied, or put aside for good; else it comes again, and is nobody else's trouble."""
    try:
        feeding.take(system, raw)
        return True
    except Exception as error:  # a door: one event that cannot be read is not in the others' way
        _log.exception("event failed", receives=raw.receives)
        return feeding.bury(system, source.name, raw, error)


def settle(system: System, *, most_rounds: int = 200) -> None:
    """Work until nothing is due: for the demo, tests and `tpma worker --once`."""
    worker = Worker(system)
    for _round in range(most_rounds):
        if not worker.round() and not listen(system, wait_s=0) and not jobs.due(system):
            return
