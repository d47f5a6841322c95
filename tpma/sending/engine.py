"""The engine: a loop over the database, safe with any number of workers and any death.

A worker leases a chunk, and for each batch of it: reads and renders (no transaction open),
commits the intent (`submitting`, one attempt a message), hands the mails over one by one, and
records what came of each. No byte leaves before its intent is committed, and none is sent twice
by itself: a batch whose worker died is in doubt, and `tpma.sending.recovery` settles it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, case, insert, or_, select, update
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.core.log import logger
from tpma.launches.models import Launch, LaunchState
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import outcomes, planning, preparing
from tpma.sending.envelopes import raw_hash
from tpma.sending.models import OPEN_STATES, Attempt, Message, SendChunk, SendState
from tpma.sending.preparing import Prepared
from tpma.system import System

_log = logger("sending")
CALL_SECONDS = 30.0  # from the commit of the intent to the last moment a submission may begin
LONGEST_CALL = 35.0  # of one submission: 3 s to connect and 30 s to read, rounded up
GRACE = timedelta(seconds=10)
_PUT_OFF = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk of one launch and step, ours until the lease runs out."""

    chunk_id: int
    launch_id: UUID
    step: int
    owner: str


def drain(system: System, owner: str, *, most_batches: int = 10_000) -> int:
    """Send what is due until nothing is, or the batches are used up; mails handed over."""
    sent = 0
    for _batch in range(most_batches):
        lease = claim(system, owner)
        if lease is None:
            break
        try:
            sent += send_batch(system, lease)
        except Exception:  # a door: one chunk that cannot be sent is not in the others' way
            _log.exception("batch failed", chunk=lease.chunk_id, launch=str(lease.launch_id))
            _put_off(system, lease)
    return sent


def claim(system: System, owner: str) -> Lease | None:
    """Lease the next chunk with work; the one we hold already comes first (T4)."""
    now = system.clock()
    until = now + timedelta(seconds=system.settings.lease_seconds)
    with system.db.transaction() as session:
        free = or_(
            SendChunk.lease_until.is_(None),
            SendChunk.lease_until < now,
            SendChunk.lease_owner == owner,
        )
        wanted = (
            select(SendChunk.id)
            .join(Launch, Launch.id == SendChunk.launch_id)
            .where(SendChunk.finished_at.is_(None), SendChunk.not_before <= now, free)
            .where(Launch.state == LaunchState.RUNNING)
            .order_by(case((SendChunk.lease_owner == owner, 0), else_=1), SendChunk.id)
            .limit(1)
            .with_for_update(of=SendChunk, skip_locked=True)
        )
        row = session.execute(
            update(SendChunk)
            .where(SendChunk.id == wanted.scalar_subquery())
            .values(lease_owner=owner, lease_until=until)
            .returning(SendChunk.id, SendChunk.launch_id, SendChunk.step)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return None if row is None else Lease(row.id, row.launch_id, row.step, owner)


def send_batch(system: System, lease: Lease) -> int:
    """One batch of a leased chunk; how many mails were handed over. Closes an empty chunk."""
    with system.db.reading() as session:
        recipients = preparing.waiting(session, lease.chunk_id, system.settings.send_batch)
        batch = preparing.prepare(session, system, lease.launch_id, recipients)
    if batch.broken:
        outcomes.unsendable(system, batch.broken)
    if not recipients:
        _close_if_done(system, lease)
    committed = _commit_intent(system, lease, batch.ready) if batch.ready else []
    results = _hand_over(system, committed)
    if results:
        outcomes.record(system, lease.chunk_id, results)
    return len(results)


def _commit_intent(system: System, lease: Lease, prepared: Sequence[Prepared]) -> list[Prepared]:
    """T6 and T7 in one transaction: who may still be written to becomes `submitting`.

    Returns those this worker now owns; the rest withdrew, were stopped or belong to another.
    """
    now = system.clock()
    with system.db.transaction() as session:
        if not _renew(session, system, lease, now):
            return []
        ids = [one.recipient.message_id for one in prepared]
        _hold_people(session, [one.recipient.contact_id for one in prepared])
        _drop_refusing(session, lease.launch_id, ids)
        taken = set(
            session.scalars(
                update(Message)
                .where(Message.id.in_(ids), Message.send_state == SendState.QUEUED)
                .where(Message.chunk_id == lease.chunk_id)
                .values(send_state=SendState.SUBMITTING, attempt_n=Message.attempt_n + 1)
                .returning(Message.id)
                .execution_options(synchronize_session=False)
            )
        )
        owned = [one for one in prepared if one.recipient.message_id in taken]
        if owned:
            session.execute(insert(Attempt), [_attempt(system, one, now) for one in owned])
    return owned


def _renew(session: Session, system: System, lease: Lease, now: datetime) -> bool:
    """The heartbeat; False if the lease is lost or the launch no longer runs."""
    running = select(Launch.id).where(
        Launch.id == lease.launch_id, Launch.state == LaunchState.RUNNING
    )
    until = now + timedelta(seconds=system.settings.lease_seconds)
    kept = session.execute(
        update(SendChunk)
        .where(SendChunk.id == lease.chunk_id, SendChunk.lease_owner == lease.owner)
        .where(SendChunk.launch_id.in_(running))
        .values(lease_until=until)
        .returning(SendChunk.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return kept is not None


def _hold_people(session: Session, contact_ids: Sequence[UUID]) -> None:
    """Whoever unsubscribes locks the contact first: they come wholly before this, or after.

    KEY SHARE waits for that lock and for no ordinary change of a contact.
    """
    session.execute(
        select(Contact.id)
        .where(Contact.id.in_(contact_ids))
        .order_by(Contact.id)
        .with_for_update(read=True, key_share=True)
    ).all()


def _drop_refusing(session: Session, launch_id: UUID, ids: Sequence[int]) -> None:
    """Who unsubscribed or withdrew before this commit gets nothing after it."""
    vendor_id = session.scalars(select(Launch.vendor_id).where(Launch.id == launch_id)).one()
    waiting = and_(Message.id.in_(ids), Message.send_state == SendState.QUEUED)
    planning.skip_unmailable(session, vendor_id, waiting)


def _attempt(system: System, one: Prepared, now: datetime) -> dict[str, object]:
    idempotent = system.mail.capabilities.idempotent
    lease = timedelta(seconds=system.settings.lease_seconds)
    calls = timedelta(seconds=CALL_SECONDS + LONGEST_CALL) + GRACE
    return {
        "id": one.attempt_id,
        "message_id": one.recipient.message_id,
        "n": one.recipient.attempt_n + 1,
        "transport": system.mail.name,
        "raw_sha256": raw_hash(one.envelope),
        "started_at": now,
        "lease_until": now + (lease if idempotent else calls),
        "code": "",
    }


def _hand_over(system: System, committed: Sequence[Prepared]) -> list[tuple[Prepared, SendResult]]:
    """The network, outside any transaction. After a "not now" that concerns more than one mail
    the rest is not even tried."""
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + CALL_SECONDS
    results: list[tuple[Prepared, SendResult]] = []
    held: SendResult | None = None
    for one in committed:
        result = held or system.mail.send(one.envelope, deadline)
        if result.outcome is Outcome.NOT_SENT and result.scope is not Scope.MESSAGE:
            held = result
        results.append((one, result))
    return results


def _close_if_done(system: System, lease: Lease) -> None:
    """A chunk with nothing open is finished; one with rows under way elsewhere is looked at
    again when their attempts have surely ended."""
    now = system.clock()
    with system.db.transaction() as session:
        is_open = session.scalar(
            select(Message.id)
            .where(Message.chunk_id == lease.chunk_id, Message.send_state.in_(OPEN_STATES))
            .limit(1)
        )
        if is_open is None:
            _release(session, lease, finished_at=now)
        else:
            pause = timedelta(seconds=min(system.settings.lease_seconds, 5))
            _release(session, lease, not_before=now + pause)


def _put_off(system: System, lease: Lease) -> None:
    with system.db.transaction() as session:
        _release(session, lease, not_before=system.clock() + _PUT_OFF)


def _release(session: Session, lease: Lease, **values: datetime) -> None:
    session.execute(
        update(SendChunk)
        .where(SendChunk.id == lease.chunk_id, SendChunk.lease_owner == lease.owner)
        .values(lease_owner=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
