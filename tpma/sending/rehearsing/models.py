"""Rehearsals of launches: all that is kept of one. Its mails and events are thrown away."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Row, enum_column


class RehearsalState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


UNDER_WAY = (RehearsalState.QUEUED, RehearsalState.RUNNING)


class Rehearsal(Row):
    """`figures` holds numbers and codes of rules, never a name or an address."""

    __tablename__ = "rehearsals"
    __table_args__ = (Index("ix_rehearsals_launch", "launch_id", "created_at"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # None: from the shell
    state: Mapped[RehearsalState] = mapped_column(
        enum_column(RehearsalState), default=RehearsalState.QUEUED
    )
    seed: Mapped[int]  # the same one draws the same trouble for the same readers
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)  # workers that began it
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    handed_over: Mapped[int] = mapped_column(default=0)  # mails so far, of `mails`
    mails: Mapped[int] = mapped_column(default=0)
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    problem: Mapped[str] = mapped_column(String(300), default="")  # why it failed, for people

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY
