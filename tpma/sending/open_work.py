"""What is open of a launch, found without an index that would change with every mail.

A mail under way, in doubt or queued is in a chunk that is not finished, and one whose moment has
not come has its moment (`messages.not_before`). Only what was planned and never queued is found
by reading the rows of its launch, which happens once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, select, update
from sqlalchemy.orm import Session

from tpma.core.db import one_of
from tpma.launches.models import Launch, LaunchState
from tpma.sending.models import OPEN_STATES, Message, SendChunk, SendState

WAITING = (SendState.PLANNED, SendState.QUEUED)
_STOPPED = (LaunchState.CANCELLED, LaunchState.ABORTED)
_NOT_PLANNED = (LaunchState.DRAFT, LaunchState.READY)
HAS_OPEN = exists().where(Message.chunk_id == SendChunk.id, Message.send_state.in_(OPEN_STATES))


def in_state(session: Session, state: SendState) -> ColumnElement[bool]:
    """Messages under way or in doubt.

    The chunks that may hold such are asked for first: with their numbers in the statement the
    planner knows that they are few, and takes the index.
    """
    begun = select(SendChunk.id).where(SendChunk.finished_at.is_(None), SendChunk.begun)
    mine = one_of(session, Message.chunk_id, "begun", session.scalars(begun).all())
    return and_(mine, Message.send_state == state)


def launches_with_queue() -> Select[UUID]:
    """Launches that have mails in their queue."""
    queued = exists().where(
        Message.chunk_id == SendChunk.id, Message.send_state == SendState.QUEUED
    )
    return select(SendChunk.launch_id).where(SendChunk.finished_at.is_(None), queued)


def in_chunks() -> ColumnElement[bool]:
    """A launch has open mails in its chunks. Seen at once while it sends: the first will do."""
    mine = and_(SendChunk.launch_id == Launch.id, SendChunk.finished_at.is_(None))
    return exists(select(SendChunk.id).where(mine, HAS_OPEN))


def anywhere() -> ColumnElement[bool]:
    """A launch has open mails. Reads all of its rows to say that it has none."""
    return exists(
        select(Message.id).where(
            Message.launch_id == Launch.id, Message.send_state.in_(OPEN_STATES)
        )
    )


def cancel_stopped(session: Session, now: datetime) -> int:
    """T18: what waits of a launch that was stopped by no person's hand (its kit has ended), what
    was in flight then and proved not to have left, and what a reader's deed planned in the same
    moment; how many."""
    return _gone(session, Launch.state.in_(_STOPPED), SendState.CANCELLED, now)


def expire(session: Session, now: datetime) -> int:
    """T19: what is still waiting when its launch has ended is not sent in the night after."""
    over = and_(Launch.ends_at < now, Launch.state.not_in(_NOT_PLANNED))
    return _gone(session, over, SendState.EXPIRED, now)


def _gone(session: Session, over: ColumnElement[bool], state: SendState, now: datetime) -> int:
    """Chunks and moments are looked at each time; what never was in a chunk once a launch, for
    that reads all of its rows."""
    gone = _let_go(session, over, state, now)
    first_seen = session.scalars(
        select(Launch.id)
        .where(over, Launch.expired_at.is_(None))
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    if first_seen:
        unqueued = Message.chunk_id.is_(None)
        gone += _moved(session, Message.launch_id, first_seen, state, unqueued)
        session.execute(
            update(Launch)
            .where(Launch.id.in_(first_seen))
            .values(expired_at=now)
            .execution_options(synchronize_session=False)
        )
    return gone


def _let_go(session: Session, launch: ColumnElement[bool], state: SendState, now: datetime) -> int:
    """What waits of such launches, in chunks or for its moment, gets nothing any more."""
    gone = 0
    followers = select(Launch.id).where(launch, Launch.triggered > 0)
    waits = and_(Message.not_before.is_not(None), Message.chunk_id.is_(None))
    late = select(Message.id).where(waits, Message.launch_id.in_(followers))
    if ids := session.scalars(late.where(Message.send_state == SendState.PLANNED)).all():
        gone += _moved(session, Message.id, ids, state)
    # Chunks before their messages, as an intent takes them, and none that an intent is at.
    left = (
        select(SendChunk.id)
        .join(Launch, Launch.id == SendChunk.launch_id)
        .where(SendChunk.finished_at.is_(None), launch)
        .order_by(SendChunk.id)
        .with_for_update(of=SendChunk, skip_locked=True)
    )
    if ids := session.scalars(left).all():
        gone += _moved(session, Message.chunk_id, ids, state)
        _finish(session, ids, now)
    return gone


def _moved(
    session: Session,
    column: Any,
    keys: Sequence[Any],
    state: SendState,
    *which: ColumnElement[bool],
) -> int:
    done = session.execute(
        update(Message)
        .where(one_of(session, column, "keys", keys), Message.send_state.in_(WAITING), *which)
        .values(send_state=state, not_before=None)
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    return int(getattr(done, "rowcount", 0))


def _finish(session: Session, chunks: Sequence[int], now: datetime) -> None:
    """Those of the chunks in which nothing is open are done."""
    session.execute(
        update(SendChunk)
        .where(one_of(session, SendChunk.id, "keys", chunks))
        .where(SendChunk.finished_at.is_(None), ~HAS_OPEN)
        .values(finished_at=now)
        .execution_options(synchronize_session=False)
    )
