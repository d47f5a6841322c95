"""What a partner's home is made of, gathered from every room. Each query names the partner."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact, ContactStatus
from tpma.branding.models import BrandProfile, BrandState
from tpma.deals.models import DealRegistration, DealState
from tpma.kits import cards, shown
from tpma.kits import queries as kits
from tpma.kits.cards import Card
from tpma.kits.models import Kit, KitVersion
from tpma.launches.models import Launch, LaunchState
from tpma.leads.models import Lead, LeadState
from tpma.measurement.queries import Line
from tpma.partners.models import Enrolment
from tpma.program.facts import (
    AskedDeal,
    Draft,
    Facts,
    FittingKit,
    OpenLead,
    Unpriced,
    WaitingLead,
)

_DRAFT = (LaunchState.DRAFT, LaunchState.READY)
_PAST_SENDING = (LaunchState.COLLECTING, LaunchState.ENDED)
_MOST = 5


def facts(
    session: Session,
    enrolment: Enrolment,
    campaigns: list[Line],
    offered: list[Card],
    now: datetime,
) -> Facts:
    """`campaigns` are the partner's launches with this vendor, `offered` the kits it may use."""
    partner_id = enrolment.partner_id
    return Facts(
        now=now,
        brand_ready=_brand_ready(session, partner_id),
        contacts=_contacts(session, partner_id),
        launches=sum(line.state not in _DRAFT for line in campaigns),
        protection_days=enrolment.tier.protection_days,
        asked=_asked(session, enrolment),
        waiting=[_waiting(lead) for lead in leads(session, enrolment, (LeadState.ROUTED,))],
        ripe=[
            _ripe(lead)
            for lead in leads(session, enrolment, (LeadState.ACCEPTED, LeadState.WORKING))
        ],
        drafts=_drafts(session, enrolment),
        kits=_not_run(session, enrolment, offered),
        unpriced=[
            Unpriced(line.code, line.name, line.tally.leads)
            for line in campaigns
            if line.state in _PAST_SENDING and not line.tally.spend and line.tally.leads
        ][:_MOST],
    )


def _brand_ready(session: Session, partner_id: UUID) -> bool:
    state = session.scalar(select(BrandProfile.state).where(BrandProfile.tenant_id == partner_id))
    return state is BrandState.VALIDATED


def _contacts(session: Session, partner_id: UUID) -> int:
    found = select(func.count(Contact.id)).where(
        Contact.tenant_id == partner_id, Contact.status == ContactStatus.ACTIVE
    )
    return session.scalar(found) or 0


def _asked(session: Session, enrolment: Enrolment) -> list[AskedDeal]:
    found = session.scalars(
        select(DealRegistration)
        .where(
            DealRegistration.tenant_id == enrolment.partner_id,
            DealRegistration.enrolment_id == enrolment.id,
            DealRegistration.state == DealState.ACTION_REQUIRED,
        )
        .order_by(DealRegistration.asked_at)
        .limit(_MOST)
    )
    vendor = enrolment.vendor.trading_name
    return [AskedDeal(deal.id, deal.ref, deal.account_name, vendor) for deal in found]


def leads(session: Session, enrolment: Enrolment, states: tuple[LeadState, ...]) -> list[Lead]:
    """The partner's leads in these states, the most urgent first."""
    return list(
        session.scalars(
            select(Lead)
            .where(
                Lead.tenant_id == enrolment.partner_id,
                Lead.enrolment_id == enrolment.id,
                Lead.state.in_(states),
            )
            .order_by(Lead.due_at, Lead.id)
            .limit(_MOST)
        )
    )


def _waiting(lead: Lead) -> WaitingLead:
    return WaitingLead(lead.id, _name(lead), lead.company, lead.created_at, lead.due_at)


def _ripe(lead: Lead) -> OpenLead:
    accepted_at = lead.accepted_at or lead.created_at
    return OpenLead(lead.id, _name(lead), lead.company, accepted_at)


def _name(lead: Lead) -> str:
    return f"{lead.given_name} {lead.family_name}".strip()


def _drafts(session: Session, enrolment: Enrolment) -> list[Draft]:
    found = session.scalars(
        select(Launch)
        .where(
            Launch.tenant_id == enrolment.partner_id,
            Launch.enrolment_id == enrolment.id,
            Launch.state.in_(_DRAFT),
        )
        .order_by(Launch.updated_at.desc())
        .limit(_MOST)
    )
    return [Draft(launch.id, launch.name, launch.step) for launch in found]


def _not_run(session: Session, enrolment: Enrolment, offered: list[Card]) -> list[FittingKit]:
    run = kits_run(session, enrolment)
    return [
        FittingKit(card.slug, card.title, card.why)
        for card in offered
        if card.fits and card.slug not in run
    ][:_MOST]


def kits_run(session: Session, enrolment: Enrolment) -> set[str]:
    """Slugs of the kits of this vendor that the partner has launched or drafted."""
    found = session.scalars(
        select(Kit.slug)
        .join(KitVersion, KitVersion.kit_id == Kit.id)
        .join(Launch, Launch.kit_version_id == KitVersion.id)
        .where(Launch.tenant_id == enrolment.partner_id, Kit.tenant_id == enrolment.tenant_id)
        .where(Launch.state != LaunchState.CANCELLED)
    )
    return set(found)


def shelf(session: Session, enrolment: Enrolment, today: date) -> list[Card]:
    """The kits the partner may use as cards, what fits best first."""
    offers = kits.catalog(session, enrolment, today)
    covers = kits.covers(session, [offer.version for offer in offers])
    policy, locale = enrolment.programme.fallback_policy, enrolment.partner.default_locale
    found = []
    for offer in offers:
        content = kits.content(session, offer.version.id)
        serving = shown.serving(content, locale, policy)
        cover = covers.get(offer.version.id, "")
        found.append(cards.card(offer, content, cover, serving, enrolment.product_families))
    return cards.narrowed(found, cards.Narrowed())
