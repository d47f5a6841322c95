"""What the operator does to a sending that stands still. Each deed is audited.

None of it takes a mail further than its rules allow: a lane let go is held again by the next
refusal, a dead letter that is queued again meets every check of the first time.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.settings import Settings
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.launches.rules import UNDER_WAY
from tpma.sending import lanes, open_work
from tpma.sending.domains import mending
from tpma.sending.models import LaunchPace, Message, SendChunk, SendLane, SendRate, SendState
from tpma.sending.rules import TRANSITIONS, SendEvent

OPERATOR = "operator"  # cause of a pause
RESTORED = "restored"  # cause of a pause: the ledger is older than what has left (CP12)
CAUSES = (RESTORED, OPERATOR)
_UNTIL_SAID = timedelta(days=3650)  # a hold that only a person ends


def get_launch(session: Session, launch_id: UUID) -> Launch:
    """Any tenant's launch, locked: the operator stands above them."""
    found = session.get(Launch, launch_id, with_for_update=True)
    if found is None:
        raise NotFound(_("There is nothing here."))
    return found


def release_lane(session: Session, actor: Actor, tenant_id: UUID) -> None:
    """Try again now. Raises Conflict if the lane is not held."""
    now = clock_of(session)()
    lane = session.scalar(select(SendLane).where(SendLane.tenant_id == tenant_id).with_for_update())
    if lane is None:
        raise NotFound(_("There is nothing here."))
    if lane.held_until is None or lane.held_until <= now:
        raise Conflict(_("This lane is not held: its mails leave as their turn comes."))
    record(session, actor, tenant_id, "lane.released", lane, cause=lane.cause)
    lane.held_until, lane.cause = None, ""
    _due_now(session, SendChunk.lane_id == lane.id, now)


def release_account(session: Session, actor: Actor, scope: str) -> None:
    """Ask the provider again now. Raises Conflict if the account is not held."""
    now = clock_of(session)()
    rate = session.get(SendRate, scope, with_for_update=True)
    if rate is None or rate.held_until is None or rate.held_until <= now:
        raise Conflict(_("The account is not held: mails leave as their turn comes."))
    record(session, actor, None, "account.released", rate, scope=scope, cause=rate.cause)
    rate.held_until, rate.cause = None, ""
    _due_now(session, SendChunk.not_before > now, now)


def _due_now(session: Session, which: ColumnElement[bool], now: datetime) -> None:
    """A refusal put its chunk off as well."""
    session.execute(
        update(SendChunk)
        .where(which, SendChunk.finished_at.is_(None))
        .values(not_before=now)
        .execution_options(synchronize_session=False)
    )


def let_go(session: Session, actor: Actor, launch: Launch) -> None:
    """The rest of a launch leaves now, without waiting for what its first hundred bring."""
    now = clock_of(session)()
    pace = session.get(LaunchPace, launch.id, with_for_update=True)
    if pace is None or not is_held_back(pace, now):
        raise Conflict(_("This launch holds no mails back."))
    # A date that has passed says: the first hundred have been waited for.
    pace.held_until = now
    record(session, actor, launch.tenant_id, "launch.let_go", launch, released=pace.released)


def is_held_back(pace: LaunchPace, now: datetime) -> bool:
    """Waits for its first hundred: while they leave, and until their events have had time."""
    if pace.held_until is not None:
        return pace.held_until > now
    return pace.canary > 0


def pause(session: Session, actor: Actor, launch: Launch) -> None:
    """Stop handing over the mails of a running launch; only the operator lets it go on."""
    if launch.state is not LaunchState.RUNNING:
        raise Conflict(_("Only a launch that is sending can be paused. Reload the page."))
    launches.pause(session, actor, launch, OPERATOR)


def resume(session: Session, actor: Actor, launch: Launch, settings: Settings) -> None:
    """Lift a pause of the operator's or of a restore; others belong to whoever paused.

    Raises Conflict while the sending domain would have it paused again.
    """
    if launch.paused_cause not in CAUSES:
        raise Conflict(_("This pause is not yours to lift: ask the partner or the vendor."))
    mending.refuse_unmended(session, settings, launch)
    launches.resume(session, actor, launch)


def revive(session: Session, actor: Actor, launch: Launch, reason: str) -> int:
    """Queue the dead letters of one reason again; how many. Raises Conflict if there is none,
    or if the launch is over.

    They died in the queue, so nothing of them has left: this is no second copy.
    """
    if launch.state not in UNDER_WAY:
        raise Conflict(_("The launch is over: its dead letters stay where they are."))
    dead = [
        Message.launch_id == launch.id,
        Message.tenant_id == launch.tenant_id,
        Message.send_state == SendState.DEAD,
        Message.reason == reason,
        Message.chunk_id.is_not(None),
    ]
    session.execute(
        update(SendChunk)
        .where(SendChunk.id.in_(select(Message.chunk_id).where(*dead)))
        .values(finished_at=None, not_before=clock_of(session)())
        .execution_options(synchronize_session=False)
    )
    moved: Any = session.execute(
        update(Message)
        .where(*dead)
        .values(
            send_state=TRANSITIONS[SendState.DEAD, SendEvent.REVIVE], reason="", not_before=None
        )
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    if moved.rowcount == 0:
        raise Conflict(_("No dead letter of this launch has this reason. Reload the page."))
    record(
        session, actor, launch.tenant_id, "launch.dead_queued",
        launch, mails=moved.rowcount, reason=reason,
    )  # fmt: skip
    return int(moved.rowcount)


def pause_all(session: Session, cause: str) -> int:
    """After a restore (CP12): nothing leaves until a person has looked; how many launches.

    What is scheduled or sends is paused, and what was paused already gets this cause, for it may
    have been resumed after the backup. A collecting launch with mails in its queue (T17) cannot
    be paused: it is held.
    """
    sending = select(Launch).where(
        Launch.state.in_([LaunchState.SCHEDULED, LaunchState.RUNNING, LaunchState.PAUSED])
    )
    paused = 0
    for launch in session.scalars(sending.order_by(Launch.id).with_for_update()):
        paused += _pause_for(session, launch, cause)
    return paused + _hold_collecting(session, clock_of(session)())


def _pause_for(session: Session, launch: Launch, cause: str) -> bool:
    if launch.state is LaunchState.PAUSED:
        if launch.paused_cause == cause:
            return False
        before, launch.paused_cause = launch.paused_cause, cause
        record(session, None, launch.tenant_id, "launch.paused", launch, cause=cause, before=before)
        return True
    put_by = launches.hold if launch.state is LaunchState.SCHEDULED else launches.pause
    put_by(session, None, launch, cause)
    return True


def _hold_collecting(session: Session, now: datetime) -> int:
    queued = Launch.id.in_(open_work.launches_with_queue())
    ids = session.scalars(
        select(Launch.id).where(Launch.state == LaunchState.COLLECTING, queued)
    ).all()
    for launch_id in ids:
        lanes.pace_of(session, launch_id, 0)
    session.execute(
        update(LaunchPace)
        .where(LaunchPace.launch_id.in_(ids))
        .values(held_until=now + _UNTIL_SAID)
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def waiting_launches(session: Session) -> int:
    """Launches paused by a restore that wait for a decision."""
    return (
        session.scalar(
            select(func.count()).where(
                Launch.state == LaunchState.PAUSED, Launch.paused_cause == RESTORED
            )
        )
        or 0
    )
