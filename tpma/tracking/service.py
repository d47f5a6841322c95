"""Writing down what happened on our links, and taking back what a burst showed to be a machine."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tpma.launches.models import Launch
from tpma.sending import following
from tpma.sending.models import Message
from tpma.tracking.models import EventType, TrackingEvent, Verdict
from tpma.tracking.rules import (
    Hit,
    Ruling,
    Visit,
    agent_family,
    classify,
    ip_prefix,
    is_picture_proxy,
)

_LOOK_BACK = timedelta(seconds=6)  # a little more than the longest burst


def record(
    session: Session,
    kind: EventType,
    launch: Launch,
    visit: Visit,
    *,
    message: Message | None = None,
    link_key: str = "",
    contact_id: UUID | None = None,
    ruling: Ruling | None = None,
    dedupe_key: str | None = None,
) -> TrackingEvent | None:
    """Append one event of this launch; None if `dedupe_key` is known already.

    `ruling` is given where the caller knows better than the request shows (a form's spam signs),
    `contact_id` where the person is not the one the mail went to.
    """
    if dedupe_key is not None and _is_known(session, dedupe_key):
        return None
    judged = ruling or _judge(session, kind, visit, message, link_key)
    event = TrackingEvent(
        tenant_id=launch.tenant_id,
        launch_id=launch.id,
        campaign_code=launch.campaign_code,
        type=kind,
        message_id=message.id if message else None,
        contact_id=contact_id or (message.contact_id if message else None),
        link_key=link_key,
        occurred_at=visit.at,
        ip_prefix="" if is_picture_proxy(visit.agent) else ip_prefix(visit.address),
        ua_family=agent_family(visit.agent),
        verdict=judged.verdict,
        rule=judged.rule,
        dedupe_key=dedupe_key,
    )
    session.add(event)
    session.flush()
    if message is not None and kind is EventType.CLICK:
        _mark(session, message, judged)
        _follow(session, message, judged, event)
    return event


def _is_known(session: Session, dedupe_key: str) -> bool:
    found = select(TrackingEvent.id).where(TrackingEvent.dedupe_key == dedupe_key)
    return session.scalar(found) is not None


def _judge(
    session: Session, kind: EventType, visit: Visit, message: Message | None, link_key: str
) -> Ruling:
    clicking = message is not None and kind is EventType.CLICK
    return classify(
        kind,
        visit,
        link_key,
        accepted_at=message.accepted_at if message else None,
        earlier=_recent_clicks(session, message, visit) if message and clicking else (),
    )


def _recent_clicks(session: Session, message: Message, visit: Visit) -> list[Hit]:
    rows = session.execute(
        select(TrackingEvent.occurred_at, TrackingEvent.link_key)
        .where(TrackingEvent.message_id == message.id, TrackingEvent.type == EventType.CLICK)
        .where(TrackingEvent.occurred_at >= visit.at - _LOOK_BACK)
        .order_by(TrackingEvent.occurred_at)
    )
    return [Hit(at, key) for at, key in rows]


def _mark(session: Session, message: Message, ruling: Ruling) -> None:
    """Keep `messages.clicked_at` the moment of the first click of a person, None without one."""
    if ruling.burst_since is not None:
        session.execute(
            update(TrackingEvent)
            .where(TrackingEvent.message_id == message.id, TrackingEvent.type == EventType.CLICK)
            .where(TrackingEvent.occurred_at >= ruling.burst_since)
            .values(verdict=ruling.verdict, rule=ruling.rule)
        )
    first = session.scalar(
        select(func.min(TrackingEvent.occurred_at)).where(
            TrackingEvent.message_id == message.id,
            TrackingEvent.type == EventType.CLICK,
            TrackingEvent.verdict == Verdict.HUMAN,
        )
    )
    message.clicked_at = first


def _follow(session: Session, message: Message, ruling: Ruling, event: TrackingEvent) -> None:
    """Mails that wait for a click: a person's lets them go, a machine's is taken back."""
    session.flush()  # clicked_at
    if ruling.burst_since is not None:
        following.took_back(session, {message.id: _links_of_people(session, message)})
    elif ruling.verdict is Verdict.HUMAN:
        click = following.Click(message.id, event.link_key, event.occurred_at)
        following.clicked(session, [click])


def _links_of_people(session: Session, message: Message) -> set[str]:
    rows = select(TrackingEvent.link_key).where(
        TrackingEvent.message_id == message.id,
        TrackingEvent.type == EventType.CLICK,
        TrackingEvent.verdict == Verdict.HUMAN,
    )
    return set(session.scalars(rows))
