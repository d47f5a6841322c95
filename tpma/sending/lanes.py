"""Whose turn it is. One tenant with 100,000 mails does not delay twenty with 100.

Start-time fair queuing: the ready lane with the lowest virtual time is served one batch, and its
time moves on by what it took over its weight. Two lanes of equal weight that both have work
differ by one batch at most (a batch for each worker). Inside a lane its launches take turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.launches.models import Launch, LaunchState
from tpma.sending.mailboxes import Mailbox
from tpma.sending.models import LaunchPace, SendChunk, SendLane

# A collecting launch has mails to send only where somebody asked for the unconfirmed again (T17).
SENDING = (LaunchState.RUNNING, LaunchState.COLLECTING)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Turn:
    """A free chunk of the lane whose turn it is; the row is locked until the commit."""

    lane_id: int
    chunk_id: int
    launch_id: UUID
    step: int
    mailbox: Mailbox = Mailbox.OTHER
    zone: str = ""  # whose clock opens the launch's hours; "": they are always open


def of_tenant(session: Session, tenant_id: UUID) -> int:
    """The id of a tenant's lane, made at its first mail."""
    made = upsert(session, SendLane).values(
        tenant_id=tenant_id, vtime=0.0, started=0.0, weight=1, cause=""
    )
    session.execute(made.on_conflict_do_nothing())
    return session.scalars(select(SendLane.id).where(SendLane.tenant_id == tenant_id)).one()


def pace_of(session: Session, launch_id: UUID, canary: int) -> None:
    made = upsert(session, LaunchPace).values(launch_id=launch_id, released=0, canary=canary)
    session.execute(made.on_conflict_do_nothing())


def next_turn(
    session: Session, owner: str, now: datetime, passed: Sequence[UUID] = ()
) -> Turn | None:
    """The chunk to serve now; None if nothing is due or others are at all of it.

    `passed` are launches that have no place in their own rate just now.
    """
    ready = session.execute(
        select(SendLane.id)
        .where(or_(SendLane.held_until.is_(None), SendLane.held_until <= now))
        .where(exists(_due(owner, now, passed).where(SendChunk.lane_id == SendLane.id)))
        .order_by(SendLane.vtime, SendLane.id)
        .limit(5)
    ).all()
    for lane in ready:
        found = session.execute(
            _due(owner, now, passed)
            .where(SendChunk.lane_id == lane.id)
            .order_by(func.coalesce(LaunchPace.served_at, _NEVER), SendChunk.id)
            .limit(1)
            .with_for_update(of=SendChunk, skip_locked=True)
        ).one_or_none()
        if found is not None:
            box = Mailbox(found.mailbox)
            return Turn(lane.id, found.id, found.launch_id, found.step, box, found.zone)
    return None


def _due(owner: str, now: datetime, passed: Sequence[UUID]) -> Select[int, UUID, int, int, str]:
    """Chunks that may be served: unfinished, free, of a launch that runs and is not held."""
    return (
        select(SendChunk.id, SendChunk.launch_id, SendChunk.step, SendChunk.mailbox, SendChunk.zone)
        .join(Launch, Launch.id == SendChunk.launch_id)
        .outerjoin(LaunchPace, LaunchPace.launch_id == SendChunk.launch_id)
        .where(SendChunk.finished_at.is_(None), SendChunk.not_before <= now, free(owner, now))
        .where(Launch.state.in_(SENDING), Launch.id.not_in(passed))
        .where(or_(LaunchPace.held_until.is_(None), LaunchPace.held_until <= now))
    )


def free(owner: str, now: datetime) -> ColumnElement[bool]:
    return or_(
        SendChunk.lease_until.is_(None),
        SendChunk.lease_until < now,
        SendChunk.lease_owner == owner,
    )


def put_off(session: Session, turn: Turn, until: datetime, now: datetime, **which: object) -> None:
    """What is due of a launch, or of the part of it that `which` columns name, waits till then."""
    part = [getattr(SendChunk, name) == value for name, value in which.items()]
    due = [SendChunk.launch_id == turn.launch_id, SendChunk.not_before <= now, *part]
    move(session, until, *due)


def move(session: Session, moment: datetime, *which: ColumnElement[bool]) -> None:
    """Unfinished chunks are looked at next at this moment.

    Not those that another transaction is at: it may wait for a limit we hold. They come round.
    """
    ids = session.scalars(
        select(SendChunk.id)
        .where(SendChunk.finished_at.is_(None), *which)
        .order_by(SendChunk.id)
        .with_for_update(skip_locked=True)
    ).all()
    session.execute(
        update(SendChunk)
        .where(SendChunk.id.in_(ids))
        .values(not_before=moment)
        .execution_options(synchronize_session=False)
    )


def served(session: Session, turn: Turn, count: int, now: datetime, domain: str = "") -> None:
    """Charge a turn to its lane and its launch, and note the domain it is sent from.

    A lane that comes back from idleness starts where the last turn started, not where it
    stopped itself: it has saved up no turns.
    """
    current = session.scalar(select(func.max(SendLane.started))) or 0.0
    start = case((SendLane.vtime < current, current), else_=SendLane.vtime)
    session.execute(
        update(SendLane)
        .where(SendLane.id == turn.lane_id)
        .values(started=start, vtime=start + (count * 1.0) / SendLane.weight, served_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(LaunchPace)
        .where(LaunchPace.launch_id == turn.launch_id)
        .values(served_at=now, released=LaunchPace.released + count, domain=domain)
        .execution_options(synchronize_session=False)
    )


def hold_lane(session: Session, lane_id: int, until: datetime, code: str) -> None:
    """The provider refuses this tenant: its lane waits, the others do not notice."""
    session.execute(
        update(SendLane)
        .where(SendLane.id == lane_id)
        .values(held_until=until, cause=code[:64])
        .execution_options(synchronize_session=False)
    )


def returned(session: Session, lane_id: int, launch_id: UUID, unused: int) -> None:
    """Places of a turn that were not used cost its lane and its launch nothing."""
    session.execute(
        update(SendLane)
        .where(SendLane.id == lane_id)
        .values(vtime=SendLane.vtime - (unused * 1.0) / SendLane.weight)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(LaunchPace)
        .where(LaunchPace.launch_id == launch_id)
        .values(released=LaunchPace.released - unused)
        .execution_options(synchronize_session=False)
    )


def canary_room(session: Session, launch_id: UUID, wanted: int) -> int:
    """How many of `wanted` the launch's first hundred still lets out (RT-05).

    When they are out the launch is held until their events have had time to come.
    """
    pace = session.get(LaunchPace, launch_id)
    if pace is None or pace.canary == 0 or pace.held_until is not None:
        return wanted
    return max(min(wanted, pace.canary - pace.released), 0)


def hold_after_canary(session: Session, launch_id: UUID, until: datetime) -> None:
    """Called when the first hundred have been taken; does nothing before or twice."""
    session.execute(
        update(LaunchPace)
        .where(and_(LaunchPace.launch_id == launch_id, LaunchPace.canary > 0))
        .where(LaunchPace.released >= LaunchPace.canary, LaunchPace.held_until.is_(None))
        .values(held_until=until)
        .execution_options(synchronize_session=False)
    )
