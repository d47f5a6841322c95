"""A rehearsal from the first mail to the last event: the real engine, over the rehearsal's ledger.

Sending, pacing, the classes of errors, events, guards and recovery are the very functions a
launch runs through. Only waits are skipped, and who pauses a launch is played by a guard alone:
a paused rehearsal goes on at once, as if somebody had looked and resumed it.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select

from tpma.core.clock import utc_now
from tpma.core.errors import Unavailable
from tpma.core.i18n import gettext as _
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.ports.rehearsal import Stage
from tpma.sending import engine, guards, provider, recovery, service
from tpma.sending.events import feeding
from tpma.sending.models import Attempt, Message, SendState
from tpma.sending.rehearsing import figures, ledger
from tpma.sending.rehearsing.ledger import Script, SkippingClock
from tpma.system import System

LONGEST = 180.0  # seconds; a job's lease is ten minutes
_LEFT_BEHIND = 3 * LONGEST
_QUIET = 1.0  # seconds without any news, after which none will come
_SKIP = timedelta(seconds=1)
_TELL_EVERY = 0.7  # seconds
_MOST_READS = 30  # of the queue in a round, ten events each
Tell = Callable[[int, int], None]  # mails handed over so far, and of how many


def play(system: System, script: Script, seed: int, tell: Tell) -> dict[str, Any]:
    """The figures of one rehearsal. Raises Unavailable if the stage does not stand, and Invalid
    for a mail that cannot be built at all."""
    if system.theatre is None:
        raise Unavailable(_("Nothing to rehearse with is set up here. Ask the operator."))
    clock = SkippingClock(utc_now)
    with TemporaryDirectory(dir=_wings(system)) as folder:
        home = Path(folder)
        theatre = system.theatre.open(home / "provider", [script.sender_domain], seed)
        with (
            theatre as stage,
            ledger.opened(system, script, stage, home / "ledger.db", clock) as copy,
        ):
            run = Run(copy, stage, script.launch_id, clock, tell)
            run.through(script.steps)
            return figures.of(copy, script, stage.taken(), run.told())


def _wings(system: System) -> Path:
    """Where rehearsals keep their files: with the installation's data, closed to others."""
    found = system.settings.home / "rehearsals"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def clear(system: System) -> int:
    """Delete what rehearsals left behind whose worker was killed: names of readers are in it."""
    oldest = time.time() - _LEFT_BEHIND
    left = [each for each in _wings(system).iterdir() if each.stat().st_mtime < oldest]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


@dataclass
class Run:
    copy: System
    stage: Stage
    launch_id: UUID
    clock: SkippingClock
    tell: Tell
    owner: str = field(default_factory=lambda: str(uuid4()))
    begun: float = field(default_factory=time.monotonic)
    told_at: float = 0.0
    pauses: list[dict[str, Any]] = field(default_factory=list)
    whole: bool = True

    def told(self) -> dict[str, Any]:
        return {
            "seconds": round(time.monotonic() - self.begun, 1),
            "pauses": self.pauses,
            "whole": self.whole,
        }

    def through(self, steps: int) -> None:
        provider.refresh(self.copy)
        for step in range(1, steps + 1):
            with self.copy.db.transaction() as session:
                launch = session.get_one(Launch, self.launch_id)
                service.queue_step(session, launch, step, self.clock())
            self._until_quiet()
        self._tell()

    def _until_quiet(self) -> None:
        """Until nothing waits and the last event is a while ago."""
        news = time.monotonic()
        while time.monotonic() - news < _QUIET:
            if time.monotonic() - self.begun > LONGEST:
                self.whole = False
                return
            if self._round():
                news = time.monotonic()
            elif self._waiting():
                self.clock.skip(_SKIP)
                news = time.monotonic()
            else:
                time.sleep(0.05)
            if time.monotonic() - self.told_at > _TELL_EVERY:
                self._tell()

    def _round(self) -> int:
        provider.refresh(self.copy)
        done = engine.drain(self.copy, self.owner, most_batches=2) + self._listen()
        self._watch()
        return done + recovery.tick(self.copy)

    def _listen(self) -> int:
        heard = 0
        for _read in range(_MOST_READS):
            found = self.stage.events.receive(10, 0)
            for raw in found:
                feeding.take(self.copy, raw)
            self.stage.events.ack(found)
            heard += len(found)
            if not found:
                break
        return heard

    def _watch(self) -> None:
        guards.watch(self.copy)
        with self.copy.db.transaction() as session:
            launch = session.get_one(Launch, self.launch_id)
            if launch.state is LaunchState.PAUSED:
                self.pauses.append({"cause": launch.paused_cause, "after": self._progress()[0]})
                launches.resume(session, None, launch)

    def _waiting(self) -> bool:
        with self.copy.db.reading() as session:
            return bool(
                session.scalar(
                    select(Message.id).where(Message.send_state == SendState.QUEUED).limit(1)
                )
            )

    def _tell(self) -> None:
        self.told_at = time.monotonic()
        self.tell(*self._progress())

    def _progress(self) -> tuple[int, int]:
        with self.copy.db.reading() as session:
            planned = select(func.count()).where(Message.send_state != SendState.SKIPPED)
            handed = select(func.count(func.distinct(Attempt.message_id)))
            return session.scalar(handed) or 0, session.scalar(planned) or 0
