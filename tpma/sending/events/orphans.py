"""Events that name no attempt of ours: kept for a day and tried again, then given up.

Without our tag an event is found by the provider's id, which is written only after the provider
has answered: it may well come first.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.ports.events import BounceType, DeliveryEvent, EventKind
from tpma.sending.events.models import EventOrphan

HASHED = "hashed:"
KEPT = timedelta(hours=24)
_SOON, _LATER = timedelta(minutes=1), timedelta(minutes=15)
_BATCH = 200


def park(session: Session, event: DeliveryEvent, recipient_key: str, now: datetime) -> None:
    """Keep the event; of its recipient only a hash."""
    told = asdict(event) | {"recipient": HASHED + recipient_key}
    for name in ("at", "handed_over_at"):
        told[name] = told[name].isoformat() if told[name] else None
    row = {
        "dedupe_key": event.dedupe_key,
        "event": told,
        "parked_at": now,
        "next_try_at": now + _SOON,
    }
    session.execute(upsert(session, EventOrphan).values(row).on_conflict_do_nothing())


def due(session: Session, now: datetime) -> Sequence[str]:
    """Keys of the events to be looked at again."""
    return session.scalars(
        select(EventOrphan.dedupe_key)
        .where(EventOrphan.next_try_at <= now)
        .order_by(EventOrphan.next_try_at)
        .limit(_BATCH)
    ).all()


def take(session: Session, key: str, now: datetime) -> EventOrphan | None:
    """The parked event, locked, and put off to its next turn; None if another worker has it."""
    parked = session.scalar(
        select(EventOrphan)
        .where(EventOrphan.dedupe_key == key, EventOrphan.next_try_at <= now)
        .with_for_update(skip_locked=True)
    )
    if parked is not None:
        young = now - parked.parked_at < timedelta(minutes=10)
        parked.next_try_at = now + (_SOON if young else _LATER)
    return parked


def is_over(parked: EventOrphan, now: datetime) -> bool:
    return now - parked.parked_at >= KEPT


def event_of(parked: EventOrphan) -> DeliveryEvent:
    known = {field.name for field in fields(DeliveryEvent)}
    told: dict[str, Any] = {name: value for name, value in parked.event.items() if name in known}
    told["kind"] = EventKind(told["kind"])
    told["bounce"] = BounceType(told["bounce"]) if told["bounce"] else None
    for name in ("at", "handed_over_at"):
        told[name] = datetime.fromisoformat(told[name]) if told[name] else None
    return DeliveryEvent(**told)
