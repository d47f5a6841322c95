"""What a partner is told before submitting: which checks pass, and what approval would give."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.deals import queries, rules, service
from tpma.deals.models import DealRegistration, DealState
from tpma.identity.models import Organisation
from tpma.leads.models import Lead
from tpma.partners.models import Enrolment


@dataclass(frozen=True, slots=True)
class Check:
    tone: str  # ok, wa, ba
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Promise:
    days: int
    until: date  # if it were approved now


def before_sending(session: Session, lead: Lead) -> list[Check]:
    known = queries.known(lead)
    terms = service.terms_of(session, lead.enrolment_id)
    return [
        _account(session, lead, known),
        _country(terms.covers_country(known.country)),
        _product(terms.covers_products(known.product_families)),
    ]


def _account(session: Session, lead: Lead, known: queries.Known) -> Check:
    if not known.account_domain:
        return Check(
            "wa",
            _("Company not certain"),
            _("A free mail address names no company. Enter its web domain."),
        )
    if _protected(session, lead, known):
        return Check(
            "wa",
            _("Protected at the moment"),
            _("Yours would keep its time and wait in line."),
        )
    return Check("ok", _("No protected registration"), _("Same domain and product: none"))


def _protected(session: Session, lead: Lead, known: queries.Known) -> bool:
    """Whether anybody holds this account and product; the answer says nothing of who."""
    vendor = session.get_one(Organisation, lead.vendor_id)
    now = clock_of(session)()
    found = session.scalars(
        select(DealRegistration).where(
            DealRegistration.vendor_id == lead.vendor_id,
            DealRegistration.account_domain == known.account_domain,
            DealRegistration.state == DealState.APPROVED,
        )
    )
    return any(
        rules.overlap(other.product_families, known.product_families)
        and other.protected_until is not None
        and rules.still_protected(other.protected_until, vendor.timezone, now)
        for other in found
    )


def _country(covered: bool) -> Check:
    if covered:
        return Check("ok", _("Your territory"), _("The country is in your agreement"))
    return Check("ba", _("Outside your territory"), _("Ask the vendor to add the country first."))


def _product(covered: bool) -> Check:
    if covered:
        return Check("ok", _("Your product"), _("The product is in your agreement"))
    return Check("ba", _("Not your product"), _("Ask the vendor to add the product first."))


def promise(session: Session, lead: Lead) -> Promise:
    vendor = session.get_one(Organisation, lead.vendor_id)
    days = days_of(session, lead.enrolment_id)
    return Promise(days, rules.protected_until(clock_of(session)(), days, vendor.timezone))


def days_of(session: Session, enrolment_id: UUID) -> int:
    """How long an approval protects at this partner's tier."""
    return session.get_one(Enrolment, enrolment_id).tier.protection_days
