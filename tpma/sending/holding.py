"""The provider's "not now", kept from the mails: who has to wait, and how long.

No mail loses anything by it. A refusal that concerns one tenant holds that tenant's lane, one
that concerns the account holds everybody, and one that concerns the mails themselves, five of
the first twenty, pauses the launch before it burns the rest of its list.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import lanes, limits
from tpma.sending.leases import Lease
from tpma.sending.models import Message, SendChunk, SendState

_THROTTLES = ("Throttling", "TooManyRequests", "ACCOUNT_THROTTLED", "LimitExceeded")
_FIRST = 20  # mails of a launch that show whether its content is taken
_MOST_REFUSED = 5
CONTENT_REFUSED = "content_refused"  # cause of such a pause


def hold(
    session: Session,
    transport: str,
    lease: Lease,
    results: Sequence[SendResult],
    now: datetime,
) -> None:
    """Make wait whom the refusals concern, and give back the places of mails that never left."""
    if any(result.outcome is Outcome.REFUSED for result in results):
        _guard_content(session, lease.launch_id)
    unsent = [result for result in results if result.outcome is Outcome.NOT_SENT]
    if not unsent:
        return
    limits.give_back(session, lease.grant, len(unsent), now)
    wider = [result for result in unsent if result.scope is not Scope.MESSAGE]
    if not wider:
        return  # each of these waits for itself
    longest = max(wider, key=lambda result: result.retry_after or 0)
    until = now + timedelta(seconds=max(longest.retry_after or 0, 1))
    _hold_chunk(session, lease.chunk_id, until)
    if longest.scope is Scope.ACCOUNT:
        throttled = longest.code.startswith(_THROTTLES)
        limits.hold_account(session, transport, longest.code, until, now, throttled=throttled)
    else:
        lanes.hold_lane(session, lease.lane_id, until, longest.code)


def _hold_chunk(session: Session, chunk_id: int, until: datetime) -> None:
    session.execute(
        update(SendChunk)
        .where(SendChunk.id == chunk_id)
        .values(not_before=until, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def _guard_content(session: Session, launch_id: UUID) -> None:
    """Pause a launch whose first mails the provider refuses as they are."""
    tried = session.scalars(
        select(Message.send_state)
        .where(Message.launch_id == launch_id)
        .where(Message.send_state.in_([SendState.ACCEPTED, SendState.FAILED]))
        .limit(_FIRST + 1)
    ).all()
    if len(tried) > _FIRST or tried.count(SendState.FAILED) < _MOST_REFUSED:
        return
    launch = session.get_one(Launch, launch_id, with_for_update=True)
    if launch.state is LaunchState.RUNNING:
        launches.pause(session, None, launch, CONTENT_REFUSED)
