"""Workers that die where a test says: python -m tests.sending.crashing

A line of JSON on its input makes one more process and is answered with the process id. The child
works as a worker of the product does; the traps are set around the product's functions here, so
that nothing in the product knows of them. Everything is imported before the first child.

A line says: `env` (TPMA_*), `ahead` (seconds its clock is ahead), `job` (what it does), `trap`
(where it dies, of `TRAPS`), `hit` (at the how-manieth time), `signal` (KILL or STOP) and
`call_seconds`.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import wraps
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import event
from sqlalchemy.orm import Session

from tests import factories
from tests.factories import launches as make
from tpma.adapters.mail_ses import SesMail
from tpma.core.clock import utc_now
from tpma.core.log import logger
from tpma.core.settings import load
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.sending import engine, feedback, handing_over, outcomes, planning, queueing, recovery
from tpma.sending import service as sending
from tpma.system import System
from tpma.wiring import from_settings
from tpma.worker import handlers
from tpma.worker.loop import Worker, listen

_log = logger("crashing")
# name → (where the function is, its name, at which moment of it)
TRAPS: dict[str, tuple[Any, str, str]] = {
    "CP0 planning": (planning, "plan_first", "after"),
    "CP0 queueing": (queueing, "queue", "after"),
    "CP1 turn, before commit": (engine, "claim", "commit"),
    "CP2 turn taken": (engine, "claim", "after"),
    "CP3 intent, before commit": (engine, "_commit_intent", "commit"),
    "CP4 intent committed": (engine, "_commit_intent", "after"),
    "CP4b half a request": (SesMail, "send", "half"),
    "CP5 accepted, answer lost": (SesMail, "send", "after"),
    "CP4b half a bulk call": (SesMail, "send_batch", "half"),
    "CP5 bulk call accepted, answer lost": (SesMail, "send_batch", "after"),
    "CP6 answers, before commit": (outcomes, "record", "commit"),
    "CP7 answers written": (outcomes, "record", "after"),
    "CP8 event, before commit": (feedback, "ingest", "commit"),
    "CP9 event, not acknowledged": (feedback, "ingest", "after"),
    "CP10 doubting": (recovery, "doubt_abandoned", "commit"),
    "CP10 giving up": (recovery, "give_up", "commit"),
    "CP10 finishing": (recovery, "_finish", "commit"),
}
_inside: ContextVar[str] = ContextVar("inside", default="")


class Trap:
    """Springs at the k-th hit, once."""

    def __init__(self, hit: int, blow: signal.Signals) -> None:
        self._left = count(hit - 1, -1)
        self._blow = blow

    def hit(self) -> None:
        if next(self._left) == 0:
            os.kill(os.getpid(), self._blow)


def _set(trap: Trap, place: Any, name: str, moment: str) -> None:
    original = getattr(place, name)

    @wraps(original)
    def watched(*args: Any, **kwargs: Any) -> Any:
        mark = _inside.set(moment)
        try:
            result = original(*args, **kwargs)
        finally:
            _inside.reset(mark)
        if moment == "after" and (result or name == "record"):  # no turn, no intent: no hit
            trap.hit()
        return result

    setattr(place, name, watched)
    if moment == "commit":
        event.listen(Session, "before_commit", lambda _session: _at_commit(trap))
    if moment == "half":
        _cut_requests(trap)


def _at_commit(trap: Trap) -> None:
    if _inside.get() == "commit":
        trap.hit()


def _cut_requests(trap: Trap) -> None:
    whole: Callable[..., None] = socket.socket.sendall

    def sendall(self: socket.socket, data: Any, *flags: int) -> None:
        if _inside.get() == "half" and len(data) > 1000:
            whole(self, bytes(data)[: len(data) // 2], *flags)
            trap.hit()
            whole(self, bytes(data)[len(data) // 2 :], *flags)
        else:
            whole(self, data, *flags)

    socket.socket.sendall = sendall  # type: ignore[method-assign]


def _work(system: System, _order: dict[str, Any]) -> None:
    Worker(system).run()


def _drain(system: System, _order: dict[str, Any]) -> None:
    """Sends only: nobody else's deaths are settled by the way."""
    owner = str(uuid4())
    while True:
        try:
            engine.drain(system, owner)
        except Exception:  # as the worker's loop: a database that was gone comes back
            _log.exception("drain failed")
        time.sleep(system.settings.poll_seconds)


def _hear(system: System, _order: dict[str, Any]) -> None:
    while True:
        listen(system, wait_s=0)


def _settle(system: System, _order: dict[str, Any]) -> None:
    while True:
        recovery.tick(system)


def _launch(system: System, order: dict[str, Any]) -> None:
    """What the web does when somebody presses Launch."""
    with system.db.transaction() as session:
        factories.bind(session)
        make.schedule(session.get_one(Launch, UUID(order["launch"])))


def _queue(system: System, order: dict[str, Any]) -> None:
    """What the job of the hour does once the check is green."""
    with system.db.transaction() as session:
        launch = session.get_one(Launch, UUID(order["launch"]))
        launches.start(session, launch)
        sending.queue_step(session, launch, 1, system.clock())


JOBS: dict[str, Callable[[System, dict[str, Any]], None]] = {
    "work": _work,
    "drain": _drain,
    "hear": _hear,
    "settle": _settle,
    "launch": _launch,
    "queue": _queue,
}


def _live(order: dict[str, Any]) -> None:
    os.environ.update(order["env"])
    if "trap" in order:
        blow = signal.Signals[f"SIG{order.get('signal', 'KILL')}"]
        _set(Trap(order.get("hit", 1), blow), *TRAPS[order["trap"]])
    handing_over.CALL_SECONDS = order.get("call_seconds", handing_over.CALL_SECONDS)
    ahead = timedelta(seconds=order.get("ahead", 0))

    def clock() -> datetime:
        return utc_now() + ahead

    JOBS[order["job"]](from_settings(load(), clock), order)


def _die_as_told(order: dict[str, Any]) -> None:
    """Whoever fails, or ends without having met its trap, stays: its test waits and says so."""
    try:
        _live(order)
    except BaseException:
        _log.exception("failed by itself")
        signal.pause()
    if "trap" in order:
        signal.pause()
    os._exit(0)


def _born(order: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)  # its log is not our answer
        if not os.environ.get("CRASHING_LOUD"):
            os.dup2(silence, 2)
        _die_as_told(order)
    return child


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the killed leave no zombies behind
    handlers.load()
    from_settings()  # what boto3 reads of its own files is read once
    for line in sys.stdin:
        sys.stdout.write(f"{_born(json.loads(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
