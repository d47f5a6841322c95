"""The engine: a loop over the database, safe with any number of workers and any death.

For each batch a worker takes its turn (`lanes`), leases a chunk and takes places in the
provider's rate (`limits`), all in one transaction; reads and renders (no transaction open);
commits the intent (`submitting`, one attempt a message); hands the mails over; and records what
came of each. No byte leaves before its intent is committed, and none is sent twice by itself: a
batch whose worker died is in doubt, and `tpma.sending.recovery` settles it.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tpma.core.log import logger
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import intents, lanes, outcomes, preparing, turns
from tpma.sending.envelopes import Recipient
from tpma.sending.handing_over import HandOver, Results, deadline
from tpma.sending.leases import Lease
from tpma.sending.models import OPEN_STATES, Message, SendChunk
from tpma.sending.preparing import Prepared
from tpma.system import System

_log = logger("sending")
_PUT_OFF = timedelta(seconds=30)
_IN_FLIGHT = 20


def drain(
    system: System, owner: str, *, most_batches: int = 10_000, most_seconds: float | None = None
) -> int:
    """Send what is due until nothing is, or the batches or seconds are used up; mails handed
    over. A batch that was begun is ended."""
    sent = 0
    end = None if most_seconds is None else time.monotonic() + most_seconds
    with HandOver(system) as hand_over:
        for _batch in range(most_batches):
            if end is not None and time.monotonic() > end:
                break
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
        taken = turns.take(session, system, owner, now)
        if taken is None:
            return None
        turn, grant = taken
        until = now + timedelta(seconds=system.settings.lease_seconds)
        session.execute(
            update(SendChunk)
            .where(SendChunk.id == turn.chunk_id)
            .values(lease_owner=owner, lease_until=until, begun=True)
            .execution_options(synchronize_session=False)
        )
        lanes.served(session, turn, grant.count, now, grant.domain)
    return Lease(turn.chunk_id, turn.launch_id, turn.step, owner, turn.lane_id, grant)


def send_batch(system: System, lease: Lease, hand_over: HandOver) -> int:
    """One batch of a leased chunk; how many mails were handed over. Closes an empty chunk."""
    with system.db.reading() as session:
        recipients = preparing.waiting(session, lease.chunk_id, lease.grant.count, system.clock())
        press = preparing.Press.read(session, system, lease.launch_id, recipients)
    if not recipients:
        _close_if_done(system, lease)
        return 0
    lease = _without_surplus(system, lease, len(recipients))
    return _in_waves(system, lease, hand_over, press, recipients)


def _without_surplus(system: System, lease: Lease, needed: int) -> Lease:
    """At the end of a chunk a turn has places in the rate that others can use at once: kept until
    its own mails have left, they would be past."""
    surplus = lease.grant.count - needed
    if not surplus or not lease.grant.gap:
        return lease
    with system.db.transaction() as session:
        outcomes.give_back(session, lease, surplus, system.clock())
    return replace(lease, grant=lease.grant.share(needed))


def _in_waves(
    system: System,
    lease: Lease,
    hand_over: HandOver,
    press: preparing.Press,
    recipients: Sequence[Recipient],
) -> int:
    """A wave is committed, handed over and recorded, and meanwhile the next one is made.

    So no more is ever in doubt than may be in flight, and a pause or an unsubscribe holds from the
    next wave.
    """
    size, at_a_time = _waves(system, hand_over)
    with _Turn(system, lease, hand_over) as turn:
        for batch in _batches(press, recipients, size):
            if len(turn.under_way) == at_a_time and turn.record():
                break
            if not turn.begin(batch):
                break
    return lease.grant.count - turn.left


class _Turn:
    """The waves of a turn that are under way, the oldest first. However it ends, the answers of
    those are waited for and written down."""

    def __init__(self, system: System, lease: Lease, hand_over: HandOver) -> None:
        self.under_way: deque[Callable[[], Results]] = deque()
        self.left = lease.grant.count  # places that no mail has taken
        self._system = system
        self._lease = lease
        self._hand_over = hand_over
        self._pace = hand_over.turn(lease.grant)
        self._lost = False  # the lease, or the launch was stopped
        self._is_over = False

    def __enter__(self) -> "_Turn":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        whole = kind is None and not self._lost
        while self.under_way:
            self.record(ends=whole and len(self.under_way) == 1)
        if kind is None and not self._is_over:
            _return_places(self._system, self._lease, self.left)

    def begin(self, batch: preparing.Batch) -> bool:
        """Commit a wave and hand it over; False if nothing of this turn may be sent any more."""
        if batch.broken:
            outcomes.unsendable(self._system, batch.broken)
        last_moment = deadline()
        committed = _commit_intent(self._system, self._lease, batch.ready) if batch.ready else []
        if committed is None:
            self._lost = True
            return False
        self.under_way.append(self._hand_over.begin(committed, self._pace, last_moment))
        return True

    def record(self, *, ends: bool = False) -> bool:
        """Write down the answers of the oldest wave; whether they end the turn for the others."""
        results = self.under_way.popleft()()
        self.left -= len(results)
        held = any(_concerns_others(result) for _one, result in results)
        self._is_over = ends or (held and not self.under_way)
        unused = self.left if self._is_over else 0
        outcomes.record(self._system, self._lease, results, ends=self._is_over, unused=unused)
        return held


def in_flight(system: System) -> int:
    """How many mails are committed, and then in doubt if their worker dies, at a time."""
    return system.settings.send_in_flight or max(_IN_FLIGHT, system.mail.capabilities.batch_max)


def _waves(system: System, hand_over: HandOver) -> tuple[int, int]:
    """Mails of a wave, and waves at a time.

    Where threads hide the provider's latency two halves are under way in turns, so that no thread
    waits for the last call of a wave or for the database; but no call is made smaller for it.
    """
    most = in_flight(system)
    halved = hand_over.threads > 1 and most >= 2 * system.mail.capabilities.batch_max
    return (most // 2, 2) if halved else (most, 1)


def _batches(
    press: preparing.Press, recipients: Sequence[Recipient], size: int
) -> Iterator[preparing.Batch]:
    for at in range(0, len(recipients), size):
        yield press.batch(recipients[at : at + size])


def _concerns_others(result: SendResult) -> bool:
    return result.outcome is Outcome.NOT_SENT and result.scope is not Scope.MESSAGE


def _commit_intent(
    system: System, lease: Lease, prepared: Sequence[Prepared]
) -> list[Prepared] | None:
    """T6 and T7 in one transaction: who may still be written to becomes `submitting`.

    Returns those this worker now owns; the rest withdrew or belong to another. None if the lease
    is lost or the launch was stopped: then nothing of it is sent.
    """
    with system.db.transaction() as session:
        return intents.write(session, system, lease, prepared, system.clock())


def _return_places(system: System, lease: Lease, unused: int) -> None:
    """The turn is over before its time: its chunk is free, and so is what it did not need."""
    with system.db.transaction() as session:
        _release(session, lease)
        outcomes.give_back(session, lease, unused, system.clock())


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
        # After the chunk, as a claim takes them: the other way round the two wait for each other.
        outcomes.give_back(session, lease, lease.grant.count, now)


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
