"""What people (and machines) did with our links. Append-only; nothing is dropped, only marked."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Base, enum_column
from tpma.sending.models import BigKey


class EventType(StrEnum):
    OPEN = "open"
    CLICK = "click"
    PAGE_VIEW = "page_view"
    FORM_SUBMIT = "form_submit"
    UNSUBSCRIBE = "unsubscribe"
    DOWNLOAD = "download"


class Verdict(StrEnum):
    """Only `human` is counted in reports."""

    HUMAN = "human"
    MACHINE_OPEN = "machine_open"
    SCANNER = "scanner"
    BOT = "bot"
    INTERNAL = "internal"


class TrackingEvent(Base):
    __tablename__ = "tracking_events"
    __table_args__ = (
        Index("ix_tracking_events_launch", "launch_id", "type", "verdict"),
        Index("ix_tracking_events_message", "message_id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"))
    campaign_code: Mapped[str] = mapped_column(String(19))
    type: Mapped[EventType] = mapped_column(enum_column(EventType))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    contact_id: Mapped[UUID | None]
    link_key: Mapped[str] = mapped_column(String(80), default="")
    occurred_at: Mapped[datetime]
    ip_prefix: Mapped[str] = mapped_column(String(43), default="")  # /24 of v4, /48 of v6
    ua_family: Mapped[str] = mapped_column(String(40), default="")
    verdict: Mapped[Verdict] = mapped_column(enum_column(Verdict))
    rule: Mapped[str] = mapped_column(String(16), default="")  # which BOT rule, and its set
    dedupe_key: Mapped[str | None] = mapped_column(String(64), unique=True)
