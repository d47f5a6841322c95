"""The engine: a loop over the database, safe with any number of workers and any death.

For each batch a worker takes its turn (`lanes`), leases a chunk and takes places in the
provider's rate (`limits`), all in one transaction; reads and renders (no transaction open);
commits the intent (`submitting`, one attempt a message); hands the mails over; and records what
came of each. No byte leaves before its intent is committed, and none is sent twice by itself: a
batch whose worker died is in doubt, and `tpma.sending.recovery` settles it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, insert, select, update
from sqlalchemy.orm import Session, load_only

from tpma.audiences.models import Contact
from tpma.core.log import logger
from tpma.launches.models import Launch
from tpma.sending import lanes, limits, outcomes, planning, preparing, sequences
from tpma.sending.envelopes import raw_hash
from tpma.sending.handing_over import CALL_SECONDS, LONGEST_CALL, HandOver, deadline
from tpma.sending.lanes import Turn
from tpma.sending.leases import Lease
from tpma.sending.limits import Grant
from tpma.sending.models import OPEN_STATES, Attempt, Message, SendChunk, SendState
from tpma.sending.preparing import Prepared
from tpma.system import System

_log = logger("sending")
GRACE = timedelta(seconds=10)
_PUT_OFF = timedelta(seconds=30)
_MOST_PASSED = 5


def drain(system: System, owner: str, *, most_batches: int = 10_000) -> int:
    """Send what is due until nothing is, or the batches are used up; mails handed over."""
    sent = 0
    with HandOver(system) as hand_over:
        for _batch in range(most_batches):
            lease = claim(system, owner)
            if lease is None:
                break
            try:
                sent += send_batch(system, lease, hand_over)
            except Exception:  # a door: one chunk that cannot be sent is not in the others' way
                _log.exception("batch failed", chunk=lease.chunk_id, launch=str(lease.launch_id))
                _put_off(system, lease)
    return sent


def claim(system: System, owner: str) -> Lease | None:
    """Take a turn (T4): a chunk, and places in every limit that concerns it; None if it is
    nobody's turn now."""
    now = system.clock()
    with system.db.transaction() as session:
        taken = _turn_with_places(session, system, owner, now)
        if taken is None:
            return None
        turn, grant = taken
        until = now + timedelta(seconds=system.settings.lease_seconds)
        session.execute(
            update(SendChunk)
            .where(SendChunk.id == turn.chunk_id)
            .values(lease_owner=owner, lease_until=until)
            .execution_options(synchronize_session=False)
        )
        lanes.served(session, turn, grant.count, now)
    return Lease(turn.chunk_id, turn.launch_id, turn.step, owner, turn.lane_id, grant)


def _turn_with_places(
    session: Session, system: System, owner: str, now: datetime
) -> tuple[Turn, Grant] | None:
    """A launch that was slowed down and has no place now is passed over: it holds up nobody."""
    passed: list[UUID] = []
    while len(passed) < _MOST_PASSED:
        turn = lanes.next_turn(session, owner, now, passed)
        if turn is None:
            return None
        wanted = lanes.canary_room(session, turn.launch_id, system.settings.send_batch)
        grant = limits.reserve(session, system.mail.name, turn.launch_id, wanted, now)
        if grant.count:
            return turn, grant
        passed.append(turn.launch_id)
    return None


def send_batch(system: System, lease: Lease, hand_over: HandOver) -> int:
    """One batch of a leased chunk; how many mails were handed over. Closes an empty chunk."""
    with system.db.reading() as session:
        recipients = preparing.waiting(session, lease.chunk_id, lease.grant.count, system.clock())
        batch = preparing.prepare(session, system, lease.launch_id, recipients)
    if batch.broken:
        outcomes.unsendable(system, batch.broken)
    last_moment = deadline()
    committed = _commit_intent(system, lease, batch.ready) if batch.ready else []
    unused = lease.grant.count - len(committed)
    if unused:
        _return_places(system, lease, unused)
    if not recipients:
        _close_if_done(system, lease)
        return 0
    results = hand_over(committed, lease.grant, last_moment)
    outcomes.record(system, lease, results)
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
        _drop_refusing(session, lease, ids)
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
    running = select(Launch.id).where(Launch.id == lease.launch_id, Launch.state.in_(lanes.SENDING))
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


def _drop_refusing(session: Session, lease: Lease, ids: Sequence[int]) -> None:
    """Who unsubscribed, withdrew or left the way before this commit gets nothing after it."""
    needed = load_only(Launch.vendor_id, Launch.frozen_manifest)
    launch = session.get_one(Launch, lease.launch_id, options=[needed])
    waiting = and_(Message.id.in_(ids), Message.send_state == SendState.QUEUED)
    planning.skip_unmailable(session, launch.vendor_id, waiting)
    sequences.skip_left(session, launch, lease.step, waiting)


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


def _return_places(system: System, lease: Lease, unused: int) -> None:
    now = system.clock()
    with system.db.transaction() as session:
        limits.give_back(session, lease.grant, unused, now)
        lanes.returned(session, lease.lane_id, lease.launch_id, unused)


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
