"""Opportunities protected by registration."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import get_history

from tpma.core.db import Row, enum_column
from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.leads.models import Lead


class DealState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    QUEUED = "queued"
    ACTION_REQUIRED = "action_required"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    WON = "won"
    LOST = "lost"


# A lead has one registration; one that was refused or taken back makes room for another.
GIVES_LEAD_BACK = (DealState.REJECTED, DealState.WITHDRAWN)
_HOLDS_LEAD = text("state NOT IN ('rejected', 'withdrawn')")


class DealRegistration(Row):
    """`complete_at` is the time of the first complete submission and decides priority;
    `campaign_code` comes from the lead and never changes. Protection holds to the end of
    `protected_until` in the vendor's zone.

    `evidence` is {"items": [{"type", "dated", "note"}]} (types in `tpma.deals.rules`);
    `asked_at` and `reason` keep the open question while an answer is awaited.
    """

    __tablename__ = "deal_registrations"
    __table_args__ = (
        CheckConstraint("estimated_value_minor >= 0", name="value_not_negative"),
        Index("ix_deal_registrations_desk", "vendor_id", "state", "complete_at"),
        Index("ix_deal_registrations_account", "vendor_id", "account_domain"),
        Index("ix_deal_registrations_remind", "remind_at"),
        Index(
            "uq_deal_registrations_lead",
            "lead_id",
            unique=True,
            sqlite_where=_HOLDS_LEAD,
            postgresql_where=_HOLDS_LEAD,
        ),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # partner
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"))
    ref: Mapped[str] = mapped_column(String(16), unique=True)  # DR-2026-000045
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("leads.id"))
    launch_id: Mapped[UUID | None] = mapped_column(ForeignKey("launches.id"), index=True)
    campaign_code: Mapped[str] = mapped_column(String(19), default="")
    account_name: Mapped[str] = mapped_column(String(200))
    account_domain: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    # name, email, title; decision_maker says whether somebody who decides is known
    contact: Mapped[dict[str, Any]] = mapped_column(default=dict)
    product_families: Mapped[list[str]]
    estimated_value_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    expected_close: Mapped[date | None]
    sales_stage: Mapped[str] = mapped_column(String(20), default="qualified")
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[DealState] = mapped_column(enum_column(DealState), default=DealState.DRAFT)
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    complete_at: Mapped[datetime | None]
    answer_due_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]  # when the desk is told next; the last time when it is due
    asked_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    reject_code: Mapped[str] = mapped_column(String(40), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")
    protected_from: Mapped[datetime | None]
    protected_until: Mapped[date | None]

    lead: Mapped[Lead | None] = relationship()

    @property
    def estimated_value(self) -> Money:
        return Money(self.estimated_value_minor, self.currency)


class OpportunityStage(StrEnum):
    QUALIFIED = "qualified"
    DISCOVERY = "discovery"
    PROPOSAL = "proposal"
    NEGOTIATION = "negotiation"
    WON = "won"
    LOST = "lost"


class Opportunity(Row):
    """Pipeline. Made when a registration is approved; `sourcing_code` never changes."""

    __tablename__ = "opportunities"
    __table_args__ = (CheckConstraint("amount_minor >= 0", name="amount_not_negative"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # vendor
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    deal_id: Mapped[UUID] = mapped_column(ForeignKey("deal_registrations.id"), unique=True)
    launch_id: Mapped[UUID | None] = mapped_column(ForeignKey("launches.id"), index=True)
    sourcing_code: Mapped[str] = mapped_column(String(19), default="")
    name: Mapped[str] = mapped_column(String(200))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    stage: Mapped[OpportunityStage] = mapped_column(enum_column(OpportunityStage))
    closed_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


@event.listens_for(DealRegistration, "before_update")
@event.listens_for(Opportunity, "before_update")
def _keep_the_source(_mapper: object, _connection: object, row: Row) -> None:
    """Where a deal came from is written once."""
    name = "campaign_code" if isinstance(row, DealRegistration) else "sourcing_code"
    if get_history(row, name).has_changes():
        raise Conflict(_("The campaign code of a deal never changes."))
