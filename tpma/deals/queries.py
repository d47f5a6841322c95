"""Registrations as their partner, their vendor and a report see them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.core.text import registrable_domain
from tpma.deals import rules
from tpma.deals.models import (
    GIVES_LEAD_BACK,
    DealRegistration,
    DealState,
    Opportunity,
    OpportunityStage,
)
from tpma.identity.models import AuditLog, Organisation, User
from tpma.leads.models import Lead, LeadState
from tpma.partners.queries import looked_after

REGISTRABLE = (LeadState.ROUTED, LeadState.ACCEPTED, LeadState.WORKING)


def lead_to_register(session: Session, tenant_id: UUID, lead_id: UUID) -> Lead:
    """A lead of this partner. Raises NotFound for another's."""
    found = session.scalar(select(Lead).where(Lead.id == lead_id, Lead.tenant_id == tenant_id))
    if found is None:
        raise NotFound(_("There is no such lead."))
    return found


def of_lead(session: Session, lead: Lead) -> DealRegistration | None:
    """The registration a lead already has, unless it was refused or taken back."""
    return session.scalar(
        select(DealRegistration).where(
            DealRegistration.tenant_id == lead.tenant_id,
            DealRegistration.lead_id == lead.id,
            DealRegistration.state.not_in(GIVES_LEAD_BACK),
        )
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What a lead already tells of its deal."""

    account_name: str
    account_domain: str  # "" when only a free mail address is known
    country: str
    product_families: list[str]
    product: str  # the kit's title
    contact: dict[str, Any]
    currency: str
    evidence: dict[str, Any]


def known(lead: Lead) -> Known:
    kit = lead.launch.kit_version.kit
    return Known(
        account_name=lead.company,
        account_domain=registrable_domain(lead.company_domain) or "",
        country=lead.country,
        product_families=list(kit.product_families),
        product=kit.title,
        contact={
            "name": f"{lead.given_name} {lead.family_name}".strip(),
            "email": lead.email,
            "title": lead.title,
        },
        currency=lead.launch.currency,
        evidence={"items": [_form_evidence(lead)]},
    )


def _form_evidence(lead: Lead) -> dict[str, Any]:
    # The person's own words stay on the lead: the vendor may read evidence without consent.
    return {
        "type": rules.FORM_SUBMISSION,
        "dated": lead.created_at.date().isoformat(),
        "note": "",
    }


def get_for_partner(session: Session, tenant_id: UUID, deal_id: UUID) -> DealRegistration:
    """One registration of this partner. Raises NotFound for another's."""
    return _one(session, deal_id, DealRegistration.tenant_id == tenant_id)


def get_for_vendor(
    session: Session, vendor_id: UUID, deal_id: UUID, manager_id: UUID | None = None
) -> DealRegistration:
    """One registration that was submitted to this vendor; drafts are the partner's own.

    For the channel manager `manager_id`, only one of an assigned partner.
    """
    return _one(
        session,
        deal_id,
        DealRegistration.vendor_id == vendor_id,
        DealRegistration.state != DealState.DRAFT,
        looked_after(DealRegistration.enrolment_id, vendor_id, manager_id),
    )


def is_looked_after(session: Session, deal: DealRegistration, manager_id: UUID | None) -> bool:
    """Whether the channel manager (None: anybody of the vendor) may open this registration."""
    seen = looked_after(DealRegistration.enrolment_id, deal.vendor_id, manager_id)
    query = select(DealRegistration.id).where(DealRegistration.id == deal.id, seen)
    return session.scalar(query) is not None


def _one(session: Session, deal_id: UUID, *conditions: Any) -> DealRegistration:
    found = session.scalar(
        select(DealRegistration).where(DealRegistration.id == deal_id, *conditions)
    )
    if found is None:
        raise NotFound(_("There is no such registration."))
    return found


def for_partner(session: Session, tenant_id: UUID, vendor_id: UUID) -> list[DealRegistration]:
    """A partner's registrations with one vendor, newest first."""
    return list(
        session.scalars(
            select(DealRegistration)
            .where(DealRegistration.tenant_id == tenant_id, DealRegistration.vendor_id == vendor_id)
            .order_by(DealRegistration.created_at.desc(), DealRegistration.id.desc())
        )
    )


@dataclass(frozen=True, slots=True)
class OnDesk:
    deal: DealRegistration
    partner: str  # trading name


def desk(
    session: Session,
    vendor_id: UUID,
    states: Iterable[DealState] = rules.UNDECIDED,
    manager_id: UUID | None = None,
) -> list[OnDesk]:
    """What lies before the deal desk, the earliest complete registration first."""
    found = session.execute(
        select(DealRegistration, Organisation.trading_name)
        .join(Organisation, Organisation.id == DealRegistration.tenant_id)
        .where(DealRegistration.vendor_id == vendor_id, DealRegistration.state.in_(list(states)))
        .where(looked_after(DealRegistration.enrolment_id, vendor_id, manager_id))
    ).all()
    rows = [OnDesk(deal, partner) for deal, partner in found]
    return sorted(rows, key=lambda row: _first(row.deal))


def _first(deal: DealRegistration) -> rules.Priority:
    at = deal.complete_at or deal.created_at
    return rules.priority(at, len(rules.items(deal.evidence)), deal.id)


def waiting_for_desk(session: Session, vendor_id: UUID, manager_id: UUID | None = None) -> int:
    return _count(
        session,
        DealRegistration.vendor_id == vendor_id,
        DealRegistration.state.in_(rules.WAITING),
        looked_after(DealRegistration.enrolment_id, vendor_id, manager_id),
    )


def waiting_for_partner(session: Session, tenant_id: UUID, vendor_id: UUID) -> int:
    return _count(
        session,
        DealRegistration.tenant_id == tenant_id,
        DealRegistration.vendor_id == vendor_id,
        DealRegistration.state == DealState.ACTION_REQUIRED,
    )


def _count(session: Session, *conditions: Any) -> int:
    return session.scalar(select(func.count(DealRegistration.id)).where(*conditions)) or 0


def opportunity_of(session: Session, deal: DealRegistration) -> Opportunity | None:
    return session.scalar(
        select(Opportunity).where(
            Opportunity.deal_id == deal.id, Opportunity.partner_id == deal.tenant_id
        )
    )


def opportunities(session: Session, partner_id: UUID, vendor_id: UUID) -> dict[UUID, Opportunity]:
    """Registration → its opportunity, of one partner with one vendor."""
    found = session.scalars(
        select(Opportunity).where(
            Opportunity.partner_id == partner_id, Opportunity.tenant_id == vendor_id
        )
    )
    return {opportunity.deal_id: opportunity for opportunity in found}


@dataclass(frozen=True, slots=True)
class LaunchTotals:
    """Creation amounts of the opportunities a launch sourced, whatever their stage now."""

    pipeline: Money
    won: Money
    deals: int
    deals_won: int


def totals_of_launch(
    session: Session, partner_id: UUID, launch_id: UUID, code: str, currency: str
) -> LaunchTotals:
    """Amounts in other currencies are left out: there is no rate to add them by."""
    found = session.execute(
        select(Opportunity.stage, func.count(), func.sum(Opportunity.amount_minor))
        .where(
            Opportunity.partner_id == partner_id,
            Opportunity.launch_id == launch_id,
            Opportunity.sourcing_code == code,
            Opportunity.currency == currency,
        )
        .group_by(Opportunity.stage)
    ).all()
    won = [row for row in found if row[0] is OpportunityStage.WON]
    return LaunchTotals(
        pipeline=Money(sum(int(row[2]) for row in found), currency),
        won=Money(sum(int(row[2]) for row in won), currency),
        deals=sum(row[1] for row in found),
        deals_won=sum(row[1] for row in won),
    )


@dataclass(frozen=True, slots=True)
class ApprovingRule:
    """The rule of the programme that approved a registration, as it was then."""

    tier: str
    limit: Money


def approving_rule(session: Session, deal: DealRegistration) -> ApprovingRule | None:
    """None where the desk decided, or nobody has."""
    why = session.scalar(
        select(AuditLog.detail).where(
            AuditLog.tenant_id == deal.vendor_id,
            AuditLog.object_type == DealRegistration.__name__,
            AuditLog.object_id == str(deal.id),
            AuditLog.action == "deal.auto_approved",
        )
    )
    return ApprovingRule(why["tier"], Money(why["limit"], why["currency"])) if why else None


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    event: str  # "submitted", "approved"…
    who: str  # a name, or "" for the platform
    ours: bool  # done by the reader's own organisation


def history(session: Session, deal: DealRegistration, reader_id: UUID) -> list[Step]:
    """What happened to a registration. People of the other organisation stay unnamed."""
    found = session.execute(
        select(AuditLog, User.name)
        .outerjoin(User, User.id == AuditLog.actor_id)
        .where(
            AuditLog.tenant_id.in_((deal.tenant_id, deal.vendor_id)),
            AuditLog.object_type == DealRegistration.__name__,
            AuditLog.object_id == str(deal.id),
        )
        .order_by(AuditLog.seq)
    ).all()
    return [
        Step(
            row.at,
            row.action.removeprefix("deal."),
            (name or "") if row.tenant_id == reader_id else "",
            row.tenant_id == reader_id,
        )
        for row, name in found
    ]
