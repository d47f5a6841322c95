"""Topics that may post to us: asked for by us, confirmed once, and missed when they end."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.errors import Conflict
from tpma.core.log import logger
from tpma.ports.events import Forged, Pushed
from tpma.sending.events.models import FeedSubscription, SubscriptionState
from tpma.system import System

_log = logger("events")
_AWAITING = SubscriptionState.AWAITING_CONFIRMATION


def expect(session: Session, topic: str) -> FeedSubscription:
    """We are about to subscribe our address to this topic: its confirmation is wanted."""
    found = session.get(FeedSubscription, topic)
    if found is None:
        found = FeedSubscription(topic=topic, state=_AWAITING, changed_at=clock_of(session)())
        session.add(found)
    _move(session, found, _AWAITING)
    return found


def require_awaited(session: Session, topic: str) -> None:
    """Raises Forged unless we asked for this subscription and still wait."""
    found = session.get(FeedSubscription, topic)
    if found is None or found.state is not _AWAITING:
        raise Forged("Nobody here asked for this subscription.")


def asked(session: Session, pushed: Pushed) -> None:
    """A topic asks to be confirmed, as we expect it to. Raises Forged."""
    require_awaited(session, pushed.topic)
    jobs.enqueue(
        session,
        "sending.confirm_subscription",
        clock_of(session)(),
        topic=pushed.topic,
        token=pushed.token,
    )


def confirm(system: System, topic: str, token: str) -> None:
    """Say yes at the provider, then write it down; a second yes changes nothing."""
    with system.db.reading() as session:
        found = session.get(FeedSubscription, topic)
        wanted = found is not None and found.state is _AWAITING
    if not wanted:
        return
    if system.push is None:
        raise Conflict("TPMA_SNS_TOPICS is empty: no topic may post to us.")
    system.push.confirm(topic, token)
    with system.db.transaction() as session:
        _move(session, session.get_one(FeedSubscription, topic), SubscriptionState.CONFIRMED)


def ended(session: Session, topic: str) -> None:
    """Somebody ended the subscription: events are being lost from now on."""
    found = session.get(FeedSubscription, topic) or expect(session, topic)
    _move(session, found, SubscriptionState.UNSUBSCRIBED)
    _log.error("topic unsubscribed", alarm="unsubscribed", topic=topic)


def lost(session: Session) -> list[str]:
    """Topics that were ended."""
    return list(
        session.scalars(
            select(FeedSubscription.topic).where(
                FeedSubscription.state == SubscriptionState.UNSUBSCRIBED
            )
        )
    )


def _move(session: Session, found: FeedSubscription, state: SubscriptionState) -> None:
    if found.state is not state:
        found.state, found.changed_at = state, clock_of(session)()
    session.flush()
