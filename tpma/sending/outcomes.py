"""What came of an attempt, written down: T8 to T11, the facts, and the mailbox's index."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    String,
    bindparam,
    case,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from tpma.core.db import Base, key_text, one_of, passed_rows, per_dialect, upsert, values
from tpma.core.log import logger
from tpma.launches.models import Launch
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import holding, lanes, limits, open_work
from tpma.sending.leases import Lease
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
from tpma.sending.rules import AFTER_UNSENDABLE, CANARY_WAIT, TRANSITIONS, Unsendable
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


def record(
    system: System,
    lease: Lease,
    results: Sequence[tuple[Prepared, SendResult]],
    *,
    ends: bool = True,
    unused: int = 0,
) -> None:
    """One transaction for a wave; an attempt that somebody settled meanwhile is left alone.

    The provider's "not now" holds whom it concerns, and places of mails that did not leave are
    given back. If it `ends` the turn the chunk is free again, and `unused` places with it.
    """
    now = system.clock()
    taken = [(one, result) for one, result in results if result.outcome is Outcome.ACCEPTED]
    others = [(one, result) for one, result in results if result.outcome is not Outcome.ACCEPTED]
    with system.db.transaction() as session:
        if taken:
            _accept(session, system, taken, now)
        for one, result in others:
            close_attempt(session, one.attempt_id, result)
            _move(session, one, result, now)
        if ends:
            session.execute(_FREE, {"chunk": lease.chunk_id, "owner": lease.owner, "now": now})
        if others:
            refused = [result for _one, result in others]
            holding.hold(session, system.mail.name, lease, refused, now)
        give_back(session, lease, unused, now)
        if ends:
            lanes.hold_after_canary(session, lease.launch_id, now + CANARY_WAIT)
    for _one, result in others:
        if result.outcome in {Outcome.MAYBE, Outcome.REFUSED}:
            _log.warning("not accepted", outcome=result.outcome.value, code=result.code)


def give_back(session: Session, lease: Lease, unused: int, now: datetime) -> None:
    """Places of a turn that nobody took, to the rate and to the lane."""
    if unused:
        limits.give_back(session, lease.grant, unused, now)
        lanes.returned(session, lease.lane_id, lease.launch_id, unused)


def _accept(
    session: Session,
    system: System,
    taken: Sequence[tuple[Prepared, SendResult]],
    now: datetime,
) -> None:
    """The acceptances of a wave, set by set. Proof replaces whatever was thought meanwhile."""
    run = session.connection().execute
    attempts = [{"id": key_text(session, one.attempt_id), "pid": r.provider_id} for one, r in taken]
    run(_closing(session), {"given": json.dumps(attempts)})
    ids = [one.recipient.message_id for one, _result in taken]
    open_ids = set(run(_open(session), {"ids": values(session, ids)}).scalars().all())
    mine = [(one, result) for one, result in taken if one.recipient.message_id in open_ids]
    if not mine:
        return
    moved = [{"id": one.recipient.message_id, "pid": result.provider_id} for one, result in mine]
    given = {"given": json.dumps(moved), "at": now}
    run(_moving(session), given)
    run(_facts_of(session), given)
    if not system.mail.capabilities.leaves_machine:
        add_facts(
            session,
            [_fact(one, FactKind.DELIVERED, now, "local outbox") for one, _result in mine],
        )
        for one, result in mine:
            index(
                session,
                one.recipient.message_id,
                one.envelope.rcpt_to,
                one.envelope.raw,
                str(result.provider_id),
                now,
            )


def _fact(one: Prepared, kind: FactKind, at: datetime, detail: str = "") -> dict[str, Any]:
    return {
        "message_id": one.recipient.message_id,
        "kind": kind,
        "at": at,
        "detail": detail,
        "dedupe": "",
    }


def add_facts(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Facts of many messages; the known ones are not added again."""
    session.connection().execute(upsert(session, DeliveryFact).on_conflict_do_nothing(), rows)


_FREE = (
    update(SendChunk)
    .where(SendChunk.id == bindparam("chunk"), SendChunk.lease_owner == bindparam("owner"))
    .values(
        lease_owner=None,
        lease_until=None,
        finished_at=case((~open_work.HAS_OPEN, bindparam("now", type_=SendChunk.finished_at.type))),
    )
    .execution_options(synchronize_session=False)
)
_ATTEMPTS: Any = Attempt.__table__
_MESSAGES: Any = Message.__table__


# Statements over the mails of a wave, each put together once for each kind of database.
@per_dialect
def _open(session: Session) -> Any:
    """Those an acceptance is news of, locked."""
    return (
        select(_MESSAGES.c.id)
        .where(one_of(session, _MESSAGES.c.id, "ids"))
        .where(_MESSAGES.c.send_state.in_(MOVES[Outcome.ACCEPTED][0]))
        .order_by(_MESSAGES.c.id)
        .with_for_update()
    )


@per_dialect
def _closing(session: Session) -> Any:
    given = passed_rows(session, "given", id=_ATTEMPTS.c.id.type, pid=String())
    return (
        update(_ATTEMPTS)
        .where(_ATTEMPTS.c.id == given.c.id)
        .values(outcome=Outcome.ACCEPTED.value, code="", provider_id=given.c.pid)
    )


@per_dialect
def _moving(session: Session) -> Any:
    given = passed_rows(session, "given", id=BigInteger(), pid=String())
    return (
        update(_MESSAGES)
        .where(_MESSAGES.c.id == given.c.id)
        .values(send_state=SendState.ACCEPTED, provider_id=given.c.pid, accepted_at=bindparam("at"))
    )


@per_dialect
def _facts_of(session: Session) -> Any:
    given = passed_rows(session, "given", id=BigInteger())
    kinds: Any = DeliveryFact.__table__.c
    told = {"kind": FactKind.ACCEPTED, "detail": "", "subtype": "", "dedupe": ""}
    columns = {name: literal(value, kinds[name].type) for name, value in told.items()}
    at = bindparam("at", type_=kinds.at.type)
    rows = select(given.c.id, at, *columns.values()).where(true())
    made = upsert(session, DeliveryFact).from_select(["message_id", "at", *columns], rows)
    return made.on_conflict_do_nothing()


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


def _move(session: Session, one: Prepared, result: SendResult, now: datetime) -> None:
    """The message goes where the outcome says, unless it has moved on without us.

    The news is of this attempt only; a later one has its own.
    """
    before, after = MOVES[result.outcome]
    values: dict[str, Any] = {"send_state": after}
    if result.outcome is Outcome.REFUSED:
        values |= {"reason": (result.code or "refused")[:40]}
    if result.outcome is Outcome.NOT_SENT and result.scope is Scope.MESSAGE:
        values |= {"not_before": now + timedelta(seconds=max(result.retry_after or 0, 1))}
    session.execute(
        update(Message)
        .where(Message.id == one.recipient.message_id, Message.send_state.in_(before))
        .where(Message.attempt_n == one.recipient.attempt_n + 1)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


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
