"""Who is in a partner's audience, and who of them may be written to. Reads only.

The conditions here are set-based, so that planning a launch for 100,000 people is one statement;
`tpma.audiences.rules.may_mail` says the same for one person, and a test holds the two together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import Session

from tpma.audiences.lawful import lawful, legal_problem, markets, newest
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactStatus,
    ContactTag,
    MailChoice,
    Segment,
    Suppression,
    SuppressionScope,
)
from tpma.audiences.rules import OPT_IN_COUNTRIES, Definition, definition
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation

__all__ = [
    "Counts",
    "active",
    "chosen",
    "consented",
    "counts",
    "granted",
    "lawful",
    "legal_problem",
    "markets",
    "recipients",
    "segment_of",
    "summed",
    "suppressed",
]

SegmentChoice = Segment | UUID | None
"""A saved segment, its id, or None for everybody."""


def recipients(
    session: Session, tenant_id: UUID, segment: SegmentChoice = None
) -> Select[UUID, str, str, str, bytes | None]:
    """The active contacts a segment names, as (id, email_norm, locale, country, hmac).

    Add `granted(…)` and `~suppressed(…)` to keep those who may be written to, or select them as
    columns to say why the others may not. Raises NotFound for another tenant's segment.
    """
    return select(
        Contact.id, Contact.email_norm, Contact.locale, Contact.country, Contact.hmac
    ).where(*chosen(session, tenant_id, segment))


def chosen(
    session: Session, tenant_id: UUID, segment: SegmentChoice | Definition
) -> list[ColumnElement[bool]]:
    """The conditions a contact of the segment (or of a definition not yet saved) meets."""
    if isinstance(segment, Definition):
        return [*active(tenant_id), *_matching(segment)]
    found = segment_of(session, tenant_id, segment) if isinstance(segment, UUID) else segment
    if found is None:
        return active(tenant_id)
    if found.tenant_id != tenant_id:
        raise NotFound(_("This segment is not there."))
    return [*active(tenant_id), *_matching(definition(found.definition))]


def active(tenant_id: UUID) -> list[ColumnElement[bool]]:
    """The partner's contacts that were not erased."""
    return [Contact.tenant_id == tenant_id, Contact.status == ContactStatus.ACTIVE]


def _matching(wanted: Definition) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.countries:
        conditions.append(Contact.country.in_(wanted.countries))
    if wanted.locales:
        conditions.append(or_(*(_in_language(tag) for tag in wanted.locales)))
    if wanted.tags:
        tagged = exists().where(
            ContactTag.contact_id == Contact.id, ContactTag.tag.in_(wanted.tags)
        )
        conditions.append(tagged.correlate(Contact))
    return conditions


def _in_language(tag: str) -> ColumnElement[bool]:
    """de takes in de-AT."""
    return or_(Contact.locale == tag, Contact.locale.startswith(f"{tag}-", autoescape=True))


def consented(purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING) -> ColumnElement[bool]:
    """The newest row of the ledger for this contact and purpose says granted."""
    return newest(Consent.state == ConsentState.GRANTED, purpose)


def granted(purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING) -> ColumnElement[bool]:
    """As `consented`, and its basis carries mail in the contact's country (else the partner's)."""
    home = select(Organisation.country).where(Organisation.id == Contact.tenant_id)
    country = case(
        (Contact.country == "", home.correlate(Contact).scalar_subquery()), else_=Contact.country
    )
    weak = and_(
        Consent.basis == ConsentBasis.LEGITIMATE_INTEREST, country.in_(sorted(OPT_IN_COUNTRIES))
    )
    return newest(and_(Consent.state == ConsentState.GRANTED, ~weak), purpose)


def suppressed(vendor_id: UUID | None = None) -> ColumnElement[bool]:
    """The address is on the platform's, the partner's or (if given) the vendor's list, or its
    owner wants none of this partner's mails about that vendor.

    A vendor's list is applied and never shown: pass it where mail is planned or sent, not where
    a partner looks at single people.
    """
    vendors = (
        and_(Suppression.scope == SuppressionScope.VENDOR, Suppression.tenant_id == vendor_id)
        if vendor_id
        else false()
    )
    listed = (
        exists()
        .where(
            Suppression.email_hmac == Contact.hmac,
            Suppression.lifted_at.is_(None),
            or_(
                Suppression.scope == SuppressionScope.PLATFORM,
                and_(
                    Suppression.scope == SuppressionScope.PARTNER,
                    Suppression.tenant_id == Contact.tenant_id,
                ),
                vendors,
            ),
        )
        .correlate(Contact)
    )
    return or_(listed, _unwanted(vendor_id)) if vendor_id else listed


def _unwanted(vendor_id: UUID) -> ColumnElement[bool]:
    """The reader took this vendor's products out on the preference page."""
    return (
        exists()
        .where(
            MailChoice.email_hmac == Contact.hmac,
            MailChoice.tenant_id == Contact.tenant_id,
            MailChoice.vendor_id == vendor_id,
            MailChoice.stopped_at.is_not(None),
        )
        .correlate(Contact)
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """An audience in numbers. `writable` + `suppressed` + `held` is `matching`."""

    matching: int
    writable: int
    suppressed: int
    held: int  # no basis, or one that does not carry mail in their country
    by_locale: dict[str, int]  # of the writable; "" is unknown
    by_country: dict[str, int]
    held_by_country: dict[str, int]


def counts(
    session: Session,
    tenant_id: UUID,
    segment: SegmentChoice | Definition = None,
    vendor_id: UUID | None = None,
    purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING,
    *,
    may: ColumnElement[bool] | None = None,
) -> Counts:
    """Numbers only; each group largest first. `may` in place of `granted`: who is writable."""
    writable = granted(purpose) if may is None else may
    fate = case((suppressed(vendor_id), "out"), (writable, "yes"), else_="held")
    people = (
        select(Contact.locale, Contact.country, fate.label("fate"))
        .where(*chosen(session, tenant_id, segment))
        .subquery()
    )
    rows = session.execute(
        select(people.c.fate, people.c.locale, people.c.country, func.count()).group_by(
            people.c.fate, people.c.locale, people.c.country
        )
    ).all()
    return _counted([(fate, locale, country, n) for fate, locale, country, n in rows])


def _counted(rows: list[tuple[str, str, str, int]]) -> Counts:
    total = {fate: sum(n for f, _l, _c, n in rows if f == fate) for fate in ("yes", "out", "held")}
    return Counts(
        matching=sum(total.values()),
        writable=total["yes"],
        suppressed=total["out"],
        held=total["held"],
        by_locale=summed((locale, n) for fate, locale, _c, n in rows if fate == "yes"),
        by_country=summed((country, n) for fate, _l, country, n in rows if fate == "yes"),
        held_by_country=summed((country, n) for fate, _l, country, n in rows if fate == "held"),
    )


def summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Added up by key, largest first."""
    found: dict[str, int] = {}
    for key, n in pairs:
        found[key] = found.get(key, 0) + n
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def segment_of(session: Session, tenant_id: UUID, segment_id: UUID) -> Segment:
    found = session.scalar(
        select(Segment).where(Segment.id == segment_id, Segment.tenant_id == tenant_id)
    )
    if found is None:
        raise NotFound(_("This segment is not there."))
    return found
