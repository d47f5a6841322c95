"""Who is in a partner's audience, and who of them may be written to. Reads only.

The conditions here are set-based, so that planning a launch for 100,000 people is one statement;
`tpma.audiences.rules.may_mail` says the same for one person, and a test holds the two together.
"""

import string
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from tpma.audiences.figures import Counts, counted, summed
from tpma.audiences.lawful import (
    LAWS,
    lawful,
    legal_problem,
    markets,
    newest,
    problem,
    problem_under,
)
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
    SuppressedDomain,
    Suppression,
    SuppressionListRow,
    SuppressionScope,
)
from tpma.audiences.rules import OPT_IN_COUNTRIES, Definition, Held, definition
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation

__all__ = [
    "LAWS",
    "Counts",
    "active",
    "chosen",
    "consented",
    "counts",
    "granted",
    "lawful",
    "legal_problem",
    "markets",
    "problem",
    "problem_under",
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
    strict: BindParameter[Any] = bindparam(
        None, sorted(OPT_IN_COUNTRIES), expanding=True, literal_execute=True
    )
    country = case(
        (Contact.country == "", home.correlate(Contact).scalar_subquery()), else_=Contact.country
    )
    weak = and_(Consent.basis == ConsentBasis.LEGITIMATE_INTEREST, country.in_(strict))
    return newest(and_(Consent.state == ConsentState.GRANTED, ~weak), purpose)


def suppressed(vendor_id: UUID | None = None, *, domains: bool = True) -> ColumnElement[bool]:
    """The address or its domain is on the platform's, the partner's or (if given) the vendor's
    list, or its owner wants none of this partner's mails about that vendor.

    A vendor's list is applied and never shown: pass it where mail is planned or sent, not where
    a partner looks at single people. Without `domains`, of addresses only.
    """
    own = on_list(Contact.hmac, Contact.email_norm, Contact.tenant_id, domains=domains)
    return or_(own, on_vendor_list(vendor_id), unwanted(vendor_id)) if vendor_id else own


def on_vendor_list(vendor_id: UUID, *, domains: bool = True) -> ColumnElement[bool]:
    def owned(table: ListTable) -> ColumnElement[bool]:
        return and_(table.scope == SuppressionScope.VENDOR, table.tenant_id == vendor_id)

    return _on(Contact.hmac, Contact.email_norm, owned, domains)


def on_list(
    hmac: Any, email_norm: Any, tenant_id: Any, *, domains: bool = True
) -> ColumnElement[bool]:
    """The platform's and the partner's own list name the address, or the domain it is at."""

    def owned(table: ListTable) -> ColumnElement[bool]:
        own = and_(table.scope == SuppressionScope.PARTNER, table.tenant_id == tenant_id)
        return or_(table.scope == SuppressionScope.PLATFORM, own)

    return _on(hmac, email_norm, owned, domains)


ListTable = type[Suppression] | type[SuppressedDomain]


def domain_blocked() -> ColumnElement[bool]:
    """Anybody blocks any domain."""
    unlifted = SuppressedDomain.lifted_at.is_(None)
    return exists().where(unlifted).correlate_except(SuppressedDomain)


def _on(
    hmac: Any,
    email_norm: Any,
    owned: Callable[[ListTable], ColumnElement[bool]],
    domains: bool,
) -> ColumnElement[bool]:
    address = (
        exists()
        .where(Suppression.email_hmac == hmac, Suppression.lifted_at.is_(None), owned(Suppression))
        .correlate_except(Suppression)
    )
    if not domains:
        return address
    mine = and_(SuppressedDomain.lifted_at.is_(None), owned(SuppressedDomain))
    under = under_domain(SuppressedDomain, email_norm, mine)
    # Asked once a statement, not once a person: most installations block no domain at all, and
    # the domains above an address are the dearest of all questions.
    return or_(address, and_(domain_blocked(), under))


def under_domain(
    table: type[SuppressedDomain] | type[SuppressionListRow],
    email_norm: Any,
    condition: ColumnElement[bool],
) -> ColumnElement[bool]:
    """A row of `table` that meets `condition` names the domain an address is at, or one above it.

    The domains above are few; each is looked up by itself, so that PostgreSQL takes the index or
    a hash whatever it knows of the table. A host of so many labels that it has more of them is
    met by its end instead, which no index helps, and which nobody has yet.
    """
    host: ColumnElement[str] = func.ltrim(func.ltrim(email_norm, _LOCAL_SIGNS), "@")
    found = [exists().where(condition, table.domain == host)]
    above = host
    for _level in range(_LEVELS):
        above = _parent(above)
        found.append(exists().where(condition, table.subdomains, table.domain == above))
    far = exists().where(condition, table.subdomains, host.like(literal("%.").concat(table.domain)))
    *near, far = (one.correlate_except(table) for one in (*found, far))
    return or_(*near, and_(_parent(above) != "", far))


_LEVELS = 3
_LOCAL_SIGNS = "".join(sign for sign in string.printable[:95] if sign != "@")
_LABEL_SIGNS = string.ascii_lowercase + string.digits + "-_"


def _parent(host: ColumnElement[str]) -> ColumnElement[str]:
    """b.example of a.b.example: both databases trim the first label's signs, then the dot."""
    return func.ltrim(func.ltrim(host, _LABEL_SIGNS), ".")


def opt_in_only(vendor_id: UUID | None = None) -> ColumnElement[bool]:
    """The contact's partner, or the vendor of the launch, writes only to who signed up."""
    whose = [Organisation.id == Contact.tenant_id]
    if vendor_id is not None:
        whose.append(Organisation.id == vendor_id)
    asked = exists().where(Organisation.opt_in_only).correlate_except(Organisation)  # by anybody
    mine = exists().where(Organisation.opt_in_only, or_(*whose)).correlate_except(Organisation)
    return and_(asked, mine)


def opted_in(purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING) -> ColumnElement[bool]:
    """The newest row of the ledger says that the person themselves agreed."""
    explicit = Consent.basis == ConsentBasis.CONSENT
    return newest(and_(Consent.state == ConsentState.GRANTED, explicit), purpose)


def agreed(vendor_id: UUID | None = None) -> ColumnElement[bool]:
    """There is a basis that carries mail here and now; asks nothing of suppressions."""
    return and_(granted(), or_(~opt_in_only(vendor_id), opted_in()))


def refusals(
    vendor_id: UUID | None = None,
    purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING,
    law: ColumnElement[str] | None = None,
    *,
    domains: bool = True,
) -> list[tuple[ColumnElement[bool], str | ColumnElement[str]]]:
    """Why a contact is not written to, the first that holds counts. The one place that says so:
    for counting, for planning a launch and for the commit of each mail.

    `law` is `problem`, `legal_problem` or `problem_under`; without it nothing is asked of
    countries' laws.
    Without `domains`, where `domain_blocked` was just found to be false, in a quarter of the words.
    The vendor's list comes last: who is named for another reason is named with or without it, so
    a list of those people tells nothing of it.
    """
    found: list[tuple[ColumnElement[bool], str | ColumnElement[str]]] = [
        (suppressed(domains=domains), Held.SUPPRESSED.value)
    ]
    if vendor_id is not None:
        found.append((unwanted(vendor_id), Held.SUPPRESSED.value))
    found.append((~granted(purpose), Held.NO_CONSENT.value))
    not_opted_in = and_(opt_in_only(vendor_id), ~opted_in(purpose))
    found.append((not_opted_in, Held.NOT_OPTED_IN.value))
    if law is not None:
        found.append((law != "", law))
    if vendor_id is not None:
        found.append((on_vendor_list(vendor_id, domains=domains), Held.VENDOR_LIST.value))
    return found


def held_back(
    vendor_id: UUID | None = None,
    purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING,
    law: ColumnElement[str] | None = None,
    *,
    domains: bool = True,
) -> ColumnElement[str]:
    """A value of Held or the id of a rule (CONS-01 to CONS-07), "" for who may be written to."""
    return case(*refusals(vendor_id, purpose, law, domains=domains), else_="")


def unwanted(vendor_id: UUID) -> ColumnElement[bool]:
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


def counts(
    session: Session,
    tenant_id: UUID,
    segment: SegmentChoice | Definition = None,
    vendor_id: UUID | None = None,
    purpose: ConsentPurpose = ConsentPurpose.PARTNER_MARKETING,
    *,
    now: datetime | None = None,
) -> Counts:
    """Numbers only; each group largest first. `now` asks the laws of the readers' countries and
    how old their consent is: the writable are then whom a launch would write to."""
    law = None if now is None else problem(session, tenant_id, now, purpose)
    people = (
        select(Contact.locale, Contact.country, held_back(vendor_id, purpose, law).label("fate"))
        .where(*chosen(session, tenant_id, segment))
        .subquery()
    )
    rows = session.execute(
        select(people.c.fate, people.c.locale, people.c.country, func.count()).group_by(
            people.c.fate, people.c.locale, people.c.country
        )
    ).all()
    return counted([(fate, locale, country, n) for fate, locale, country, n in rows])


def segment_of(session: Session, tenant_id: UUID, segment_id: UUID) -> Segment:
    found = session.scalar(
        select(Segment).where(Segment.id == segment_id, Segment.tenant_id == tenant_id)
    )
    if found is None:
        raise NotFound(_("This segment is not there."))
    return found
