"""Whom the law lets a partner write to, as one SQL condition: consents CONS-01 to CONS-06.

`tpma.audiences.rules.law_fault` says the same for one person; a test holds the two together.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
)
from tpma.audiences.rules import implied_months, months_before
from tpma.identity.models import Organisation
from tpma.localization import packs
from tpma.localization.packs import ConsentLaw

FROM_VENDOR = "vendor"  # Contact.source of addresses a vendor handed over
MARKETING = ConsentPurpose.PARTNER_MARKETING


def newest(condition: ColumnElement[bool], purpose: ConsentPurpose) -> ColumnElement[bool]:
    """The newest row of the ledger for the contact and purpose meets the condition."""
    # By the end of the index and to its row at once; the highest number first, and then the row
    # that has it, is a second look-up for each reader.
    found = (
        select(case((condition, 1), else_=0))
        .where(Consent.contact_id == Contact.id, Consent.purpose == purpose)
        .order_by(Consent.seq.desc())
        .limit(1)
        .correlate(Contact)
        .scalar_subquery()
    )
    return func.coalesce(found, 0) == 1


def markets(session: Session, tenant_id: UUID) -> list[str]:
    """Where a partner's readers live, and its own country: what "strictest" is taken from."""
    lands = select(Contact.country).where(Contact.tenant_id == tenant_id, Contact.country != "")
    home = select(Organisation.country).where(Organisation.id == tenant_id)
    return sorted({*session.scalars(lands.distinct()), *session.scalars(home)})


def lawful(
    session: Session, tenant_id: UUID, now: datetime, purpose: ConsentPurpose = MARKETING
) -> ColumnElement[bool]:
    """This contact's newest consent carries mail in their country today, and we can prove it."""
    return legal_problem(session, tenant_id, now, purpose) == ""


def legal_problem(
    session: Session, tenant_id: UUID, now: datetime, purpose: ConsentPurpose = MARKETING
) -> ColumnElement[str]:
    """The rule id a contact fails ("CONS-02"), "" if none: the first that holds is told."""
    lands, today = markets(session, tenant_id), now.date()
    known = packs.in_force(today)
    whens: list[tuple[ColumnElement[bool], str]] = [
        (~newest(Consent.state == ConsentState.GRANTED, purpose), "CONS-01"),
        (newest(Consent.evidence["purchased"].as_boolean(), purpose), "CONS-04"),
        (and_(Contact.source == FROM_VENDOR, ~newest(_handed_over(), purpose)), "CONS-06"),
    ]
    for law, countries in _laws((land, known[land].consent) for land in lands if land in known):
        own = Contact.country.in_(countries)
        whens += [(and_(own, ~newest(fine, purpose)), rule) for rule, fine in _asked(law, today)]
    strict = packs.strictest(lands, today).consent
    unknown = Contact.country.not_in(sorted(known))
    fine = and_(*(condition for _rule, condition in _asked(strict, today)))
    whens.append((and_(unknown, ~newest(fine, purpose)), "CONS-05"))
    return case(*whens, else_="")


def _laws(pairs: Iterable[tuple[str, ConsentLaw]]) -> list[tuple[ConsentLaw, list[str]]]:
    """Countries whose law is the same are asked about together."""
    found: dict[ConsentLaw, list[str]] = {}
    for country, law in pairs:
        found.setdefault(law, []).append(country)
    return list(found.items())


def _asked(law: ConsentLaw, today: date) -> list[tuple[str, ColumnElement[bool]]]:
    """(rule, the condition the newest consent has to meet) in the order they are told."""
    soft = Consent.basis == ConsentBasis.SOFT_OPT_IN
    allowed = [basis for basis in law.bases if basis != "soft_opt_in" or law.existing_customer]
    conditions: list[tuple[str, ColumnElement[bool]]] = [("CONS-01", Consent.basis.in_(allowed))]
    if law.double_opt_in:
        proven = Consent.confirmed_at.is_not(None)
        conditions.append(("CONS-02", or_(Consent.basis != ConsentBasis.CONSENT, proven)))
    if implied_months(law, inquiry=False):
        asked = func.coalesce(Consent.evidence["relation"].as_string(), "") == "inquiry"
        bought = _since(months_before(today, implied_months(law, inquiry=False)))
        inquired = _since(months_before(today, implied_months(law, inquiry=True)))
        fresh = or_(and_(asked, inquired), and_(~asked, bought))
        conditions.append(("CONS-03", or_(~soft, fresh)))
    return conditions


def _since(day: date) -> ColumnElement[bool]:
    start = datetime.combine(day, time.min, UTC)
    return or_(Consent.obtained_on >= day, and_(Consent.obtained_on.is_(None), Consent.at >= start))


def _handed_over() -> ColumnElement[bool]:
    """The transfer from the vendor is written down: contract, joint controllers, or a consent."""
    return func.coalesce(Consent.evidence["transfer"].as_string(), "") != ""


def agreed_before(day: date, purpose: ConsentPurpose = MARKETING) -> ColumnElement[bool]:
    """The contact's newest consent, or the purchase it rests on, is older than the day."""
    return newest(~_since(day), purpose)
