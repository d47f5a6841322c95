"""Whose event is this: the tag, then the provider's id, then the headers of the mail."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.ports.events import DeliveryEvent
from tpma.sending.events import restored
from tpma.sending.events.models import Canary
from tpma.sending.models import Attempt, Notice

Found = Attempt | Canary | Notice


def find(session: Session, event: DeliveryEvent) -> Found | None:
    """What the event is about. An attempt is committed before its mail leaves, so a tag finds it
    however early the event comes; an id of the provider's may be written later."""
    by_tag = _named(session, event.attempt_id)
    return (
        by_tag
        or _by_provider(session, event)
        or _named(session, event.header_attempt_id)
        or restored.named(session, event.message_name)
    )


def _named(session: Session, name: str) -> Found | None:
    try:
        key = UUID(hex=name)
    except ValueError:
        return None
    attempt = session.get(Attempt, key)
    return attempt or session.get(Canary, key) or session.get(Notice, key)


def _by_provider(session: Session, event: DeliveryEvent) -> Found | None:
    return next(_of_provider(session, event), None) if event.provider_id else None


def _of_provider(session: Session, event: DeliveryEvent) -> Iterator[Found]:
    told = event.provider_id
    yield from session.scalars(
        select(Attempt)
        .where(Attempt.provider_id == told, Attempt.transport == event.source)
        .order_by(Attempt.started_at)
        .limit(1)
    )
    yield from session.scalars(select(Canary).where(Canary.provider_id == told).limit(1))
