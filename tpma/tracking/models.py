"""What people (and machines) did with our links. Append-only; nothing is dropped, only marked."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, text
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
    TRAP = "trap"  # the link no person sees (BOT-03)
    STYLE = "style"  # the landing page's style sheet (BOT-08)


class Verdict(StrEnum):
    """Only `human` is counted in reports."""

    HUMAN = "human"
    MACHINE_OPEN = "machine_open"
    SCANNER = "scanner"
    BOT = "bot"
    INTERNAL = "internal"


def _only(kind: str) -> dict[str, Any]:
    condition = text(f"type = '{kind}'")
    return {"sqlite_where": condition, "postgresql_where": condition}


class TrackingEvent(Base):
    """One hit. `signs` is what the rules look at of the request itself (`rules.signs_of`), kept in
    place of the request, so that the verdict can be worked out again by another edition."""

    __tablename__ = "tracking_events"
    __table_args__ = (
        Index("ix_tracking_events_launch", "launch_id", "type", "verdict"),
        Index("ix_tracking_events_message", "message_id"),
        Index("ix_tracking_events_network", "ip_prefix", "occurred_at", **_only("click")),
        Index("ix_tracking_events_traps", "occurred_at", **_only("trap")),
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
    edition: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")
    signs: Mapped[str] = mapped_column(String(64), default="", server_default="")
    dedupe_key: Mapped[str | None] = mapped_column(String(64), unique=True)


class TrackingCount(Base):
    """What the events of a launch add up to, kept in the transaction that writes them.

    `hits` counts events. `messages` (in rows without rule and link) is how many mails of the step
    a person opened, clicked …; `people` (there, of step 0) how many recipients, each once over
    all steps. Several rows (`shard`) hold one count, so that writers at once need not wait.
    """

    __tablename__ = "tracking_counts"

    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), primary_key=True)
    type: Mapped[EventType] = mapped_column(enum_column(EventType), primary_key=True)
    verdict: Mapped[Verdict] = mapped_column(enum_column(Verdict), primary_key=True)
    rule: Mapped[str] = mapped_column(String(16), primary_key=True)
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True)  # 0: of no mail
    link_key: Mapped[str] = mapped_column(String(80), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    hits: Mapped[int] = mapped_column(BigInteger, default=0)
    messages: Mapped[int] = mapped_column(BigInteger, default=0)
    people: Mapped[int] = mapped_column(BigInteger, default=0)


class EventSegment(Base):
    """How far a file of hits was loaded; written with its events, so that none is loaded twice."""

    __tablename__ = "event_segments"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger)  # bytes
    finished_at: Mapped[datetime | None]  # loaded to its end; the file may be deleted
