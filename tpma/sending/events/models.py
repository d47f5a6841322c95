"""The event plane's own tables: what arrived, what could not be placed, how well a feed is."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Base, enum_column
from tpma.sending.models import BigKey


class EventOrphan(Base):
    """An event that names no attempt of ours yet; looked at again for a day.

    `event` holds no address: the recipient stands as its keyed hash.
    """

    __tablename__ = "event_orphans"

    dedupe_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    event: Mapped[dict[str, Any]]
    parked_at: Mapped[datetime]
    next_try_at: Mapped[datetime] = mapped_column(index=True)


class EventCount(Base):
    """How many events of a kind ended how, by day."""

    __tablename__ = "event_counts"

    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    source: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    result: Mapped[str] = mapped_column(String(16), primary_key=True)
    n: Mapped[int]


class DeadEvent(Base):
    """A message of a feed that failed each time it was read; whole, so that it can be replayed.

    It may hold an address and is deleted after thirty days.
    """

    __tablename__ = "dead_events"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(16))
    buried_at: Mapped[datetime] = mapped_column(index=True)
    receives: Mapped[int]
    error: Mapped[str] = mapped_column(String(500))
    body: Mapped[str]


class Feed(Base):
    """How far one feed can be trusted: everything accepted before has been told to us.

    `seen_through` is the latest hand-over a Send event told of, `attempts_through` the latest
    start of an attempt that one proved.
    """

    __tablename__ = "feeds"

    name: Mapped[str] = mapped_column(String(96), primary_key=True)  # source:configuration set
    is_watched: Mapped[bool] = mapped_column(default=False)  # canaries are sent through it
    seen_through: Mapped[datetime | None]
    attempts_through: Mapped[datetime | None]
    alarmed_at: Mapped[datetime | None]


class CanaryKind(StrEnum):
    SUCCESS = "success"
    BOUNCE = "bounce"


class Canary(Base):
    """A mail to the provider's own test address; committed before it is sent, like any other."""

    __tablename__ = "canaries"

    id: Mapped[UUID] = mapped_column(primary_key=True)  # tag tpma-attempt
    feed: Mapped[str] = mapped_column(String(96))
    kind: Mapped[CanaryKind] = mapped_column(enum_column(CanaryKind))
    started_at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[str | None] = mapped_column(String(16))
    provider_id: Mapped[str | None] = mapped_column(String(120))
    proven_at: Mapped[datetime | None]  # its Send event
    settled_at: Mapped[datetime | None]  # its delivery, or its bounce


class SubscriptionState(StrEnum):
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"  # by somebody else: an alarm


class FeedSubscription(Base):
    """A topic that may post events to us."""

    __tablename__ = "feed_subscriptions"

    topic: Mapped[str] = mapped_column(String(400), primary_key=True)
    state: Mapped[SubscriptionState] = mapped_column(enum_column(SubscriptionState))
    changed_at: Mapped[datetime]
