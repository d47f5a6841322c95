"""After a restore (CP12): the ledger is older than what has left, so there is doubt.

A mail that waited when the backup was made, and whose moment has come, may be with its reader by
now; nothing in this database can say. It gets an attempt nobody made (`restored.MARK`) and is in
doubt like any mail whose worker died: an event, or the transport, says what became of it, and
without either it ends unconfirmed and is never sent again by itself. Its launch stays paused until
a person has looked. Run again it finds nothing more to doubt and asks for evidence once more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, func, or_, select, text, update
from sqlalchemy.orm import Session

from tpma.core.bulk import insert_rows
from tpma.core.errors import Invalid
from tpma.identity.models import AuditLog
from tpma.identity.service import record
from tpma.launches import steps
from tpma.launches.models import Launch, LaunchState
from tpma.ports.events import EventSource, RawEvent, Unreadable
from tpma.ports.mail import Outcome
from tpma.sending import feedback, operating, queueing, recovery, service, splitting
from tpma.sending.events import feeding
from tpma.sending.events.restored import MARK
from tpma.sending.models import Attempt, Message, SendChunk, SendState
from tpma.sending.rules import TRANSITIONS, SendEvent
from tpma.system import System

CODE = "restored"  # of the attempt nobody made, until evidence replaces it
RECONCILED = "launch.reconciled"
_BATCH = 1000
_AT_A_TIME = 100  # events
_WAIT = 1.0  # seconds; a queue asked without waiting may hide what it has
_SKIPPED_IDS = 1_000_000
_LISTED = (LaunchState.PAUSED, LaunchState.COLLECTING)


@dataclass(frozen=True, slots=True)
class Line:
    """One launch: what became of the mails that may have left after the backup."""

    code: str
    state: str
    doubted: int
    left: int  # proved by an event, or by the transport
    unsent: int  # proved not to have left
    open: int  # nobody can tell yet, or ever


@dataclass(frozen=True, slots=True)
class Result:
    paused: int
    doubted: int
    events: int
    unreadable: int
    lines: list[Line]


def reconcile(system: System, archived: Iterable[str] = ()) -> Result:
    """Pause, doubt, ask; `archived` are bodies of events as the feed delivered them."""
    paused, doubted = _doubt(system)
    kept, unreadable = _read(system, archived)
    waiting, unread = _drain(system)
    while feedback.rematch(system):
        pass
    while recovery.settle_doubts(system):
        pass
    with system.db.reading() as session:
        lines = list(_lines(session))
    return Result(paused, doubted, kept + waiting, unreadable + unread, lines)


def _doubt(system: System) -> tuple[int, int]:
    """One transaction: a launch that is paused has been judged, whatever dies in between."""
    now = system.clock()
    with system.db.transaction() as session:
        paused = operating.pause_all(session, operating.RESTORED)
        _skip_ids(session)
        doubted = 0
        for launch in _unjudged(session):
            number = _doubt_launch(session, system, launch, now)
            if number or launch.state is LaunchState.PAUSED:
                record(session, None, launch.tenant_id, "launch.reconciled", launch, mails=number)
            doubted += number
    return paused, doubted


def _skip_ids(session: Session) -> None:
    """Numbers of mails written after the backup stand in links of mails that have left: they are
    not given to other readers. SQLite numbers by its last row and cannot leave any out."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for table, key in (("messages", "id"), ("consents", "seq")):
        sequence = session.scalar(text(f"SELECT pg_get_serial_sequence('{table}', '{key}')"))
        last = session.scalar(text(f"SELECT COALESCE(max({key}), 0) FROM {table}")) or 0
        given = session.scalar(text(f"SELECT last_value FROM {sequence}")) or 0
        if given < last + _SKIPPED_IDS:
            session.execute(text(f"SELECT setval('{sequence}', {last + _SKIPPED_IDS})"))


def _unjudged(session: Session) -> Iterator[Launch]:
    """Launches stopped by this restore whose mails nobody has doubted since."""
    query = (
        select(Launch)
        .where(
            or_(
                and_(Launch.state == LaunchState.PAUSED, Launch.paused_cause == operating.RESTORED),
                Launch.state == LaunchState.COLLECTING,
            ),
            Launch.own_mailer.is_(False),
        )
        .order_by(Launch.id)
        .with_for_update()
    )
    for launch in session.scalars(query).all():
        if launch.state is LaunchState.COLLECTING or not _is_judged(session, launch):
            yield launch


def _is_judged(session: Session, launch: Launch) -> bool:
    session.flush()
    newest = session.scalar(
        select(AuditLog.action)
        .where(
            AuditLog.tenant_id == launch.tenant_id,
            AuditLog.object_id == str(launch.id),
            AuditLog.action.in_(["launch.paused", RECONCILED]),
        )
        .order_by(AuditLog.seq.desc())
        .limit(1)
    )
    return newest == RECONCILED


def _doubt_launch(session: Session, system: System, launch: Launch, now: datetime) -> int:
    """What waited for a later hour than now when the backup was made has not left."""
    due = select(SendChunk.id).where(SendChunk.launch_id == launch.id, SendChunk.not_before <= now)
    number = _mark(session, system, launch, Message.chunk_id.in_(due), now)
    if launch.state is LaunchState.COLLECTING:
        return number
    before = session.scalar(select(func.max(SendChunk.id))) or 0
    _queue_what_was_due(session, launch, now)
    made = select(SendChunk.id).where(SendChunk.launch_id == launch.id, SendChunk.id > before)
    return number + _mark(session, system, launch, Message.chunk_id.in_(made), now)


def _queue_what_was_due(session: Session, launch: Launch, now: datetime) -> None:
    """Give the rows chunks that would have got some since; mails of later steps get their rows."""
    if launch.started_at is None:
        if (launch.start_at or now) <= now:
            queueing.queue(session, launch, 1, now)
        return
    if splitting.is_waiting(launch) and launch.started_at + _trial(launch) <= now:
        queueing.queue(session, launch, 1, now)
    for step in steps.of(launch)[launch.steps_queued : launch.steps]:
        if service.due(session, launch, step) > now:
            break
        service.queue_step(session, launch, step.number, now)
    for number in range(launch.steps + 1, launch.steps + launch.triggered + 1):
        queueing.queue(session, launch, number, now, only=Message.not_before <= now)


def _trial(launch: Launch) -> timedelta:
    return timedelta(hours=launch.trial_hours)


def _mark(
    session: Session, system: System, launch: Launch, where: ColumnElement[bool], now: datetime
) -> int:
    """The queued of these rows are in doubt, each with an attempt that may have been."""
    waiting = [
        Message.launch_id == launch.id,
        Message.tenant_id == launch.tenant_id,
        Message.send_state.in_([SendState.QUEUED, SendState.SUBMITTING]),
        where,
    ]
    rows = session.execute(
        select(Message.id, Message.attempt_n, Message.chunk_id).where(*waiting)
    ).all()
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        made = [_attempt(system, row.id, row.attempt_n + 1, now) for row in some]
        insert_rows(session, Attempt, made)
        session.execute(
            update(Message)
            .where(Message.id.in_([row.id for row in some]))
            .values(
                send_state=TRANSITIONS[SendState.QUEUED, SendEvent.RESTORE],
                attempt_n=Message.attempt_n + 1,
            )
            .execution_options(synchronize_session=False)
        )
    session.execute(  # where mails in doubt are looked for
        update(SendChunk)
        .where(SendChunk.id.in_({row.chunk_id for row in rows}))
        .values(begun=True)
        .execution_options(synchronize_session=False)
    )
    return len(rows)


def _attempt(system: System, message_id: int, number: int, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "message_id": message_id,
        "n": number,
        "transport": system.mail.name,
        "raw_sha256": MARK,
        "started_at": now,
        "lease_until": now,
        "code": CODE,
    }


def _read(system: System, archived: Iterable[str]) -> tuple[int, int]:
    """Events from a file: how many were read, and how many were none."""
    bodies = [body for body in archived if body.strip()]
    if not bodies:
        return 0, 0
    if system.events is None:
        raise Invalid(
            "Set TPMA_SQS_QUEUE_URL, or the mailbox of bounces: it says how to read them."
        )
    return _take(system, system.events, [RawEvent(body, system.clock()) for body in bodies])


def _drain(system: System) -> tuple[int, int]:
    """What the queue and the mailboxes still hold is the best account of what left."""
    done = unreadable = 0
    for source in filter(None, (system.events, system.letters)):
        while waiting := source.receive(_AT_A_TIME, _WAIT):
            taken, bad = _take(system, source, waiting)
            done, unreadable = done + taken, unreadable + bad
            if bad:
                break  # they come again: the worker puts them aside
    return done, unreadable


def _take(system: System, source: EventSource, events: list[RawEvent]) -> tuple[int, int]:
    done = []
    for raw in events:
        try:
            feeding.take(system, raw, source)
        except Unreadable:
            continue
        done.append(raw)
    source.ack([raw for raw in done if raw.receipt])
    return len(done), len(events) - len(done)


def _lines(session: Session) -> Iterator[Line]:
    """Every launch with doubted mails, by its code."""
    accepted = Attempt.outcome == Outcome.ACCEPTED.value
    unsent = Attempt.outcome == Outcome.NOT_SENT.value
    rows = session.execute(
        select(
            Launch.campaign_code,
            Launch.state,
            func.count(),
            func.count().filter(accepted),
            func.count().filter(unsent),
        )
        .select_from(Attempt)
        .join(Message, Message.id == Attempt.message_id)
        .join(Launch, Launch.id == Message.launch_id)
        .where(Attempt.raw_sha256 == MARK, Launch.state.in_(_LISTED))
        .group_by(Launch.campaign_code, Launch.state)
        .order_by(Launch.campaign_code)
    )
    for code, state, doubted, left, back in rows:
        yield Line(code, state.value, doubted, left, back, doubted - left - back)
