"""Work to do after commit: a row written in the same transaction as its cause.

Committed rows are run by our own loop (`tpma worker`, or the thread inside `tpma serve`) or by
Celery across many processes; a message on a broker carries the id of a row and nothing else.
Either may deliver a job twice, so a handler must be safe to run twice. A failed job is tried
again with growing pauses and ends dead, with its error, after `MOST_ATTEMPTS`.

What time alone brings about, a deadline or a last day, is no job: a sweep looks at every row whose
moment has come. Every worker sweeps once a minute, so a sweep too must be safe to run twice.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String, event, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from tpma.core.bulk import insert_free, new_rows
from tpma.core.db import Row, clock_of
from tpma.core.log import logger
from tpma.system import System

Handler = Callable[..., None]
_handlers: dict[str, Handler] = {}
Sweep = Callable[[System], int]
_sweeps: dict[str, Sweep] = {}
_log = logger("jobs")

LEASE = timedelta(minutes=10)
SWEEP_EVERY = timedelta(minutes=1)
MOST_ATTEMPTS = 8
_PAUSES = (5, 30, 120, 600, 1800, 3600, 7200)  # seconds before the next attempt


# Set when a job that is due was committed by this process: a worker in it need not sleep on.
# Workers of other processes find it at their next look.
due_here = threading.Event()


def _something_is_due(_session: Session) -> None:
    due_here.set()


class Job(Row):
    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_open", "done_at", "dead_at", "run_at"),)

    name: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]]
    run_at: Mapped[datetime]
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(500))


def enqueue(
    session: Session, name: str, run_at: datetime, *, key: str | None = None, **payload: Any
) -> None:
    """Queue a job in the caller's transaction. A `key` that is already there queues nothing."""
    if key is not None:
        enqueue_all(session, name, run_at, {key: payload})
        return
    _wake(session, run_at)
    session.add(Job(name=name, payload=payload, run_at=run_at))


def enqueue_all(
    session: Session, name: str, run_at: datetime, payloads: Mapping[str, Mapping[str, Any]]
) -> None:
    """Queue jobs of one kind, by their keys, in the caller's transaction."""
    if not payloads:
        return
    _wake(session, run_at)
    own = {"name": name, "run_at": run_at, "attempts": 0}
    rows = [
        {**row, **own, "key": key, "payload": payload}
        for row, (key, payload) in zip(
            new_rows(session, len(payloads)), payloads.items(), strict=True
        )
    ]
    # Two transactions may queue the same key at once; the later one must not fail for it.
    insert_free(session, Job, rows)


def _wake(session: Session, run_at: datetime) -> None:
    if run_at <= clock_of(session)():
        event.listen(session, "after_commit", _something_is_due, once=True)


def handles(name: str) -> Callable[[Handler], Handler]:
    """Register a room's function as the handler of one kind of job."""

    def register(handler: Handler) -> Handler:
        _handlers[name] = handler
        return handler

    return register


def sweeps(name: str) -> Callable[[Sweep], Sweep]:
    """Register a room's function that looks, once a minute, at what has become due."""

    def register(found: Sweep) -> Sweep:
        _sweeps[name] = found
        return found

    return register


def sweep(system: System) -> int:
    """One round of every sweep; how much they settled. One that fails does not stop the others."""
    return sum(_swept(system, name) for name in _sweeps)


def _swept(system: System, name: str) -> int:
    try:
        return _sweeps[name](system)
    except Exception:  # a door: it comes round again in a minute
        _log.exception("sweep failed", name=name)
        return 0


def due(system: System, most: int = 20) -> list[UUID]:
    """Ids of jobs whose time has come and that nobody holds, oldest first."""
    now = system.clock()
    with system.db.reading() as session:
        return list(
            session.scalars(
                select(Job.id)
                .where(Job.done_at.is_(None), Job.dead_at.is_(None), Job.run_at <= now)
                .where(or_(Job.leased_until.is_(None), Job.leased_until < now))
                .order_by(Job.run_at, Job.id)
                .limit(most)
            )
        )


def run(system: System, job_id: UUID) -> bool:
    """Do one job if it is due and nobody holds it; True if this call did it.

    The handler opens its own transactions. Whatever it raises is recorded on the row and
    logged, and the job comes back later; the loop goes on.
    """
    held = _lease(system, job_id)
    if held is None:
        return False
    name, payload, attempt = held
    if attempt > MOST_ATTEMPTS:  # its workers died of it, so no exception was ever recorded
        _close(system, job_id, dead_at=system.clock(), error="Every worker died while doing this.")
        return False
    try:
        _handlers[name](system, **payload)
    except Exception as error:  # a door: the one place where anything may arrive
        _log.exception("job failed", job=str(job_id), name=name, attempt=attempt)
        _postpone(system, job_id, attempt, error)
        return False
    _close(system, job_id, done_at=system.clock())
    return True


def run_due(system: System, most: int = 20) -> int:
    """Run what is due now; how many were done."""
    return sum(run(system, job_id) for job_id in due(system, most))


def _lease(system: System, job_id: UUID) -> tuple[str, dict[str, Any], int] | None:
    now = system.clock()
    with system.db.transaction() as session:
        job = session.execute(
            update(Job)
            .where(Job.id == job_id, Job.done_at.is_(None), Job.dead_at.is_(None))
            .where(Job.run_at <= now)
            .where(or_(Job.leased_until.is_(None), Job.leased_until < now))
            .values(leased_until=now + LEASE, attempts=Job.attempts + 1)
            .returning(Job.name, Job.payload, Job.attempts)
        ).one_or_none()
    return None if job is None else (job.name, job.payload, job.attempts)


def _postpone(system: System, job_id: UUID, attempt: int, error: Exception) -> None:
    now = system.clock()
    told = f"{type(error).__name__}: {error}"[:500]
    if attempt >= MOST_ATTEMPTS:
        _close(system, job_id, dead_at=now, error=told)
        return
    pause = timedelta(seconds=_PAUSES[min(attempt, len(_PAUSES)) - 1])
    _close(system, job_id, run_at=now + pause, error=told)


def _close(system: System, job_id: UUID, **values: object) -> None:
    with system.db.transaction() as session:
        session.execute(update(Job).where(Job.id == job_id).values(leased_until=None, **values))
