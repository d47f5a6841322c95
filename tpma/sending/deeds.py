"""What readers of a launch did that decides about its later mails. Names nobody.

A click stands here only where a step names its link; that somebody clicked at all is
`messages.clicked_at`.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Base, enum_column
from tpma.sending.models import BigKey


class DeedKind(StrEnum):
    CLICK = "click"
    FORM = "form"
    DEAL = "deal"  # a deal was registered from what they sent


class ReaderDeed(Base):
    __tablename__ = "reader_deeds"
    __table_args__ = (
        UniqueConstraint("launch_id", "rcpt_key", "kind", "link_key"),
        Index("ix_reader_deeds_message", "message_id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"))
    rcpt_key: Mapped[bytes] = mapped_column(LargeBinary(16))
    kind: Mapped[DeedKind] = mapped_column(enum_column(DeedKind))
    link_key: Mapped[str] = mapped_column(String(80), default="")  # <asset>.<link key> of a click
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))  # of a click
    at: Mapped[datetime]
