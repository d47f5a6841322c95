"""People who raised a hand. A lead of a partner's own launch belongs to that partner."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, event
from sqlalchemy.orm import (
    Mapped,
    ORMExecuteState,
    Session,
    mapped_column,
    relationship,
)
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE

from tpma.core.db import Row, enum_column
from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.launches.models import Launch


class LeadState(StrEnum):
    ROUTED = "routed"  # waits for the partner's answer
    DUPLICATE = "duplicate"
    SPAM = "spam"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WORKING = "working"
    DEAL_REGISTERED = "deal_registered"
    CONVERTED = "converted"
    LOST = "lost"


class Lead(Row):
    """`campaign_code` and `launch_id` are written once: the source of a lead never changes."""

    __tablename__ = "leads"
    __table_args__ = (
        Index("ix_leads_inbox", "tenant_id", "state", "created_at"),
        Index("ix_leads_email", "tenant_id", "email_norm"),
        Index("ix_leads_remind", "remind_at"),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"))
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), index=True)
    campaign_code: Mapped[str] = mapped_column(String(19))
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("form_submissions.id"), unique=True)
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contacts.id"))
    given_name: Mapped[str] = mapped_column(String(100))
    family_name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254))
    email_norm: Mapped[str] = mapped_column(String(254))
    phone: Mapped[str] = mapped_column(String(32), default="")
    title: Mapped[str] = mapped_column(String(120), default="")
    company: Mapped[str] = mapped_column(String(200))
    company_domain: Mapped[str] = mapped_column(String(200), default="")
    country: Mapped[str] = mapped_column(String(2))
    language: Mapped[str] = mapped_column(String(35))
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    share_with_vendor: Mapped[bool] = mapped_column(default=False)
    state: Mapped[LeadState] = mapped_column(enum_column(LeadState), default=LeadState.ROUTED)
    duplicate_of_id: Mapped[UUID | None] = mapped_column(ForeignKey("leads.id"))
    due_at: Mapped[datetime]  # by when an answer is expected
    remind_at: Mapped[datetime | None]  # when its people are told next; the last time at `due_at`
    escalated_at: Mapped[datetime | None]  # no answer came; admin and channel manager were told
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    accepted_at: Mapped[datetime | None]
    declined_reason: Mapped[str] = mapped_column(String(40), default="")
    declined_note: Mapped[str] = mapped_column(String(300), default="")

    launch: Mapped[Launch] = relationship()


_SOURCE = ("tenant_id", "launch_id", "campaign_code", "submission_id")


@event.listens_for(Lead, "before_update")
def _refuse_other_source(_mapper: object, _connection: object, lead: Lead) -> None:
    if any(get_history(lead, name, PASSIVE_NO_INITIALIZE).has_changes() for name in _SOURCE):
        raise _immutable()


@event.listens_for(Session, "do_orm_execute")
def _refuse_statements(statement: ORMExecuteState) -> None:
    """`update(Lead)` would go past the objects and their guard: it is refused as a whole."""
    mapper = statement.bind_mapper
    if statement.is_update and mapper is not None and mapper.class_ is Lead:
        raise _immutable()


def _immutable() -> Conflict:
    return Conflict(_("The source of a lead never changes: it keeps its campaign code for good."))
