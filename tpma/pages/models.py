"""Landing pages and what was typed into their forms."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Row, enum_column


class PageState(StrEnum):
    DRAFT = "draft"
    LIVE = "live"
    CLOSED = "closed"
    BLOCKED = "blocked"
    ARCHIVED = "archived"


class LandingPage(Row):
    """The public page of a launch, in each of its locales, at /l/<slug>."""

    __tablename__ = "landing_pages"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), unique=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[PageState] = mapped_column(enum_column(PageState), default=PageState.DRAFT)
    published_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class SubmissionState(StrEnum):
    ACCEPTED = "accepted"
    SPAM = "spam"
    DUPLICATE = "duplicate"


class FormSubmission(Row):
    """`consents` is a list of {purpose, ticked, text_id, sha256}; boxes left empty stand in it
    too. `idempotency_key` comes from the page's token: a double click is one submission."""

    __tablename__ = "form_submissions"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), index=True)
    landing_page_id: Mapped[UUID] = mapped_column(ForeignKey("landing_pages.id"))
    campaign_code: Mapped[str] = mapped_column(String(19))
    locale: Mapped[str] = mapped_column(String(35))
    payload: Mapped[dict[str, Any]]
    consents: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    utm: Mapped[dict[str, Any]] = mapped_column(default=dict)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    spam_signs: Mapped[list[str]] = mapped_column(default=list)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[SubmissionState] = mapped_column(enum_column(SubmissionState))
