"""What came of an attempt, written down: T8 to T11, the facts, and the mailbox's index."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from tpma.core.db import Base, upsert
from tpma.core.log import logger
from tpma.launches.models import Launch
from tpma.ports.mail import Envelope, Outcome, SendResult
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    FactKind,
    Message,
    OutboxMail,
    SendChunk,
    SendState,
)
from tpma.sending.preparing import Prepared
from tpma.sending.rules import AFTER_UNSENDABLE, TRANSITIONS, Unsendable
from tpma.system import System

_log = logger("sending")
_S = SendState
# Outcome → the states it is news in, and the one it leads to. A reaper may have doubted an attempt
# whose answer only came now; an acceptance holds whatever was thought meanwhile.
MOVES: dict[Outcome, tuple[tuple[SendState, ...], SendState]] = {
    Outcome.ACCEPTED: ((_S.SUBMITTING, _S.IN_DOUBT, _S.UNCONFIRMED, _S.QUEUED), _S.ACCEPTED),
    Outcome.NOT_SENT: ((_S.SUBMITTING, _S.IN_DOUBT), _S.QUEUED),
    Outcome.REFUSED: ((_S.SUBMITTING,), _S.FAILED),
    Outcome.MAYBE: ((_S.SUBMITTING,), _S.IN_DOUBT),
}


def record(system: System, chunk_id: int, results: Sequence[tuple[Prepared, SendResult]]) -> None:
    """One transaction for a batch; an attempt that somebody settled meanwhile is left alone."""
    now = system.clock()
    with system.db.transaction() as session:
        for one, result in results:
            close_attempt(session, one.attempt_id, result)
            moved = _move(session, one, result, now)
            if moved and result.outcome is Outcome.ACCEPTED:
                accepted(session, system, one.recipient.message_id, one.envelope, result, now)
        _hold(session, chunk_id, [result for _one, result in results], now)
    for _one, result in results:
        if result.outcome in {Outcome.MAYBE, Outcome.REFUSED}:
            _log.warning("not accepted", outcome=result.outcome.value, code=result.code)


def close_attempt(session: Session, attempt_id: UUID, result: SendResult) -> None:
    """What came of an attempt. Proof replaces a doubt, and an acceptance everything."""
    unknown = or_(Attempt.outcome.is_(None), Attempt.outcome == Outcome.MAYBE.value)
    if result.outcome is Outcome.ACCEPTED:
        unknown = or_(Attempt.outcome.is_(None), Attempt.outcome != Outcome.ACCEPTED.value)
    session.execute(
        update(Attempt)
        .where(Attempt.id == attempt_id, unknown)
        .values(outcome=result.outcome.value, code=result.code, provider_id=result.provider_id)
        .execution_options(synchronize_session=False)
    )


def _move(session: Session, one: Prepared, result: SendResult, now: datetime) -> bool:
    """The message goes where the outcome says; False if it had moved on without us."""
    before, after = MOVES[result.outcome]
    values: dict[str, Any] = {"send_state": after}
    which = [Message.id == one.recipient.message_id, Message.send_state.in_(before)]
    if result.outcome is Outcome.ACCEPTED:
        values |= {"provider_id": result.provider_id, "accepted_at": now}
    else:  # news of this attempt only; a later one has its own
        which.append(Message.attempt_n == one.recipient.attempt_n + 1)
    if result.outcome is Outcome.REFUSED:
        values |= {"reason": (result.code or "refused")[:40]}
    moved = session.execute(
        update(Message)
        .where(*which)
        .values(**values)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return moved is not None


def accepted(
    session: Session,
    system: System,
    message_id: int,
    envelope: Envelope,
    result: SendResult,
    now: datetime,
) -> None:
    """The facts of an acceptance. In the local outbox a mail has arrived where it will be read."""
    add_fact(session, message_id, FactKind.ACCEPTED, now)
    if system.mail.capabilities.leaves_machine:
        return
    add_fact(session, message_id, FactKind.DELIVERED, now, detail="local outbox")
    index(session, message_id, envelope.rcpt_to, envelope.raw, str(result.provider_id), now)


def index(
    session: Session, message_id: int, recipient: str, raw: bytes, provider_id: str, now: datetime
) -> None:
    """The mailbox's row for a stored mail; a second one for the same message is not added."""
    message = session.get_one(Message, message_id)
    code = session.scalars(select(Launch.campaign_code).where(Launch.id == message.launch_id)).one()
    head = message_from_bytes(raw.split(b"\r\n\r\n", 1)[0], policy=modern)
    insert_once(
        session,
        OutboxMail,
        {
            "tenant_id": message.tenant_id,
            "message_id": message_id,
            "launch_id": message.launch_id,
            "campaign_code": code,
            "recipient": recipient,
            "subject": str(head["Subject"] or "")[:300],
            "at": now,
            "provider_id": provider_id,
        },
    )


def add_fact(
    session: Session,
    message_id: int,
    kind: FactKind,
    at: datetime,
    *,
    detail: str = "",
    dedupe: str = "",
) -> bool:
    """Add one fact; False if it was known. Facts commute and are never taken back."""
    return insert_once(
        session,
        DeliveryFact,
        {
            "message_id": message_id,
            "kind": kind,
            "at": at,
            "detail": detail[:200],
            "dedupe": dedupe[:64],
        },
    )


def insert_once(session: Session, table: type[Base], values: dict[str, Any]) -> bool:
    made = upsert(session, table).values(**values).on_conflict_do_nothing()
    # Without the option psycopg's answer to an INSERT is not kept, and reads as -1.
    result: Any = session.execute(made.execution_options(preserve_rowcount=True))
    return bool(result.rowcount == 1)


def _hold(session: Session, chunk_id: int, results: Iterable[SendResult], now: datetime) -> None:
    """A throttled chunk waits as long as the provider asked; the mails lose nothing by it."""
    waits = [r.retry_after or 0 for r in results if r.outcome is Outcome.NOT_SENT]
    if not waits:
        return
    session.execute(
        update(SendChunk)
        .where(SendChunk.id == chunk_id)
        .values(not_before=now + timedelta(seconds=max(max(waits), 1)), lease_until=None)
        .execution_options(synchronize_session=False)
    )


def unsendable(system: System, broken: Sequence[tuple[int, Unsendable, str]]) -> None:
    """Messages that were not even tried end here, with the reason (T6, T10, T20)."""
    with system.db.transaction() as session:
        for message_id, why, reason in broken:
            session.execute(
                update(Message)
                .where(Message.id == message_id, Message.send_state == SendState.QUEUED)
                .values(
                    send_state=TRANSITIONS[SendState.QUEUED, AFTER_UNSENDABLE[why]],
                    reason=reason[:40],
                )
                .execution_options(synchronize_session=False)
            )
