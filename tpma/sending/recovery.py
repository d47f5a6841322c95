"""What a death left behind, found and settled; run every second by every worker.

* An attempt whose lease ran out has lost its worker: the message is in doubt (T12).
* A message in doubt is settled by evidence: the transport's own answer (T14), an event that
  names the attempt (T13), or after a day without any it is told honestly as unconfirmed (T15).
  Marketing mail is never sent again on a guess.
* What comes back to the queue of a launch that was stopped meanwhile is cancelled (T18).
* A launch none of whose messages is open has finished its sends.
"""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default as modern
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.ports.mail import Lookup, Outcome, SendResult
from tpma.sending import open_work, outcomes, splitting, watermark
from tpma.sending.models import Attempt, FactKind, Message, SendChunk, SendState
from tpma.system import System

GIVE_UP_AFTER = timedelta(hours=24)
DOUBT = timedelta(minutes=30)  # longer than a lease, a call and a signature together
_BATCH = 200


def tick(system: System) -> int:
    """One round of everything, safe to run anywhere, any number of times; how much it settled."""
    parts = (doubt_abandoned, settle_doubts, give_up, cancel_stopped, finish_launches)
    return sum(part(system) for part in parts)


def doubt_abandoned(system: System) -> int:
    """T12: submitting, but nobody is on it any more."""
    now = system.clock()
    with system.db.transaction() as session:
        abandoned = (
            select(Attempt.message_id)
            .join(Message, Message.id == Attempt.message_id)
            .where(Attempt.outcome.is_(None), Attempt.lease_until < now)
            .where(
                open_work.in_state(session, SendState.SUBMITTING), Attempt.n == Message.attempt_n
            )
        )
        ids = session.scalars(abandoned.limit(_BATCH)).all()
        if not ids:
            return 0
        moved = session.scalars(
            update(Message)
            .where(Message.id.in_(ids), Message.send_state == SendState.SUBMITTING)
            .values(send_state=SendState.IN_DOUBT)
            .returning(Message.id)
            .execution_options(synchronize_session=False)
        ).all()
    return len(moved)


def settle_doubts(system: System) -> int:
    """T14: ask the transport what became of each doubtful message; how many it could say."""
    with system.db.reading() as session:
        doubtful = session.execute(
            select(Message.id, Message.generation, Attempt.id.label("attempt_id"))
            .join(Attempt, Attempt.message_id == Message.id)
            .where(open_work.in_state(session, SendState.IN_DOUBT), Attempt.n == Message.attempt_n)
            .where(Attempt.transport == system.mail.name)
            .limit(_BATCH)
        ).all()
    settled = 0
    for row in doubtful:
        found, provider_id = system.mail.lookup(f"m{row.id}-g{row.generation}")
        if found is Lookup.UNKNOWN:
            continue
        settled += _settle(system, row.id, row.attempt_id, found, provider_id)
    return settled


def _settle(
    system: System, message_id: int, attempt_id: UUID, found: Lookup, provider_id: str | None
) -> int:
    raw = system.mail.stored(provider_id) if provider_id else None
    with system.db.transaction() as session:
        if found is Lookup.FOUND:
            return _was_accepted(session, system, message_id, attempt_id, provider_id, raw)
        return _was_not_sent(session, message_id, attempt_id)


def _was_accepted(
    session: Session,
    system: System,
    message_id: int,
    attempt_id: UUID,
    provider_id: str | None,
    raw: bytes | None,
) -> int:
    now = system.clock()
    moved = session.execute(
        update(Message)
        .where(Message.id == message_id, Message.send_state == SendState.IN_DOUBT)
        .values(send_state=SendState.ACCEPTED, provider_id=provider_id, accepted_at=now)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if moved is None:
        return 0
    outcomes.close_attempt(
        session, attempt_id, SendResult(Outcome.ACCEPTED, provider_id, code="lookup")
    )
    outcomes.add_fact(session, message_id, FactKind.ACCEPTED, now)
    if raw is not None and not system.mail.capabilities.leaves_machine:
        outcomes.add_fact(session, message_id, FactKind.DELIVERED, now, detail="local outbox")
        outcomes.index(session, message_id, _recipient(raw), raw, str(provider_id), now)
    return 1


def _recipient(raw: bytes) -> str:
    head = message_from_bytes(raw.split(b"\r\n\r\n", 1)[0], policy=modern)
    return str(head["To"].addresses[0].addr_spec)


def _was_not_sent(session: Session, message_id: int, attempt_id: UUID) -> int:
    """Proven: the row goes back to the queue of its chunk, which is opened again."""
    chunk_id = session.scalars(
        update(Message)
        .where(Message.id == message_id, Message.send_state == SendState.IN_DOUBT)
        .values(send_state=SendState.QUEUED)
        .returning(Message.chunk_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if chunk_id is None:
        return 0
    outcomes.close_attempt(session, attempt_id, SendResult(Outcome.NOT_SENT, code="lookup"))
    session.execute(
        update(SendChunk)
        .where(SendChunk.id == chunk_id)
        .values(finished_at=None)
        .execution_options(synchronize_session=False)
    )
    return 1


def give_up(system: System) -> int:
    """T15: in doubt, and no evidence will come any more: unconfirmed, and told as such.

    Half an hour is enough where the event feed has told of mails handed over later; a silent
    feed is no evidence, so without one a day has to pass.
    """
    now = system.clock()
    with system.db.transaction() as session:
        told = watermark.reach(session)
        limit = now - GIVE_UP_AFTER
        if told is not None:
            limit = max(limit, min(told, now - DOUBT))
        old = select(Attempt.message_id).where(
            Attempt.message_id == Message.id,
            Attempt.n == Message.attempt_n,
            Attempt.started_at < limit,
        )
        moved = session.scalars(
            update(Message)
            .where(open_work.in_state(session, SendState.IN_DOUBT), exists(old))
            .values(send_state=SendState.UNCONFIRMED)
            .returning(Message.id)
            .execution_options(synchronize_session=False)
        ).all()
    return len(moved)


def cancel_stopped(system: System) -> int:
    """T18: a mail that was in flight when its launch was stopped, and proved not to have left."""
    with system.db.transaction() as session:
        return open_work.cancel_stopped(session, system.clock())


def finish_launches(system: System) -> int:
    """running → collecting: every step was queued and no message of it is open.

    While a reader's deed may send a mail the launch runs, to its last day.
    """
    now = system.clock()
    with system.db.reading() as session:
        found = session.scalars(
            select(Launch).where(
                Launch.state == LaunchState.RUNNING,
                Launch.steps > 0,
                Launch.steps_queued >= Launch.steps,
                or_(Launch.triggered == 0, Launch.ends_at <= now),
                ~open_work.in_chunks(),
            )
        ).all()
    # While a subject is tried, the rest of the readers waits outside of all chunks.
    done = [launch.id for launch in found if not splitting.is_waiting(launch)]
    return sum(_finish(system, launch_id) for launch_id in done)


def _finish(system: System, launch_id: UUID) -> bool:
    """Looked at again under the launch's lock: another worker may have been here."""
    with system.db.transaction() as session:
        launch = session.get_one(Launch, launch_id, with_for_update=True)
        still = session.scalar(
            select(Launch.id).where(Launch.id == launch_id, ~open_work.anywhere())
        )
        if launch.state is not LaunchState.RUNNING or still is None:
            return False
        launches.finish_sends(session, launch)
        launches.end(session, launch)  # its last day may have come while it was still sending
        return True
