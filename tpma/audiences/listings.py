"""What a partner's pages list: contacts, their history, segments, the suppression list. Reads."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from tpma.audiences.columns import refused
from tpma.audiences.domains import Owner
from tpma.audiences.lawful import FORGOTTEN
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactImport,
    ContactTag,
    ImportRow,
    Segment,
    SuppressedDomain,
    Suppression,
    SuppressionScope,
)
from tpma.audiences.queries import active, agreed, chosen, problem, summed, suppressed
from tpma.audiences.rows import WORDS
from tpma.audiences.rules import Definition, covers
from tpma.audiences.suppressing import Person
from tpma.core.db import clock_of, one_of, per_dialect, values
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.core.prepared import Prepared
from tpma.identity.models import Organisation


def contact_of(session: Session, tenant_id: UUID, contact_id: UUID) -> Contact:
    """Raises NotFound if it is not this tenant's, or was erased."""
    found = session.scalar(select(Contact).where(Contact.id == contact_id, *active(tenant_id)))
    if found is None:
        raise NotFound(_("This contact is not there."))
    return found


def is_writable(session: Session, contact: Contact) -> bool:
    """Whether the partner may write to this person now."""
    may = lawfully_agreed(session, contact.tenant_id)
    query = select(Contact.id).where(Contact.id == contact.id, may, ~suppressed())
    return session.scalar(query) is not None


def is_forgotten(session: Session, contact: Contact) -> bool:
    """They agreed long ago, never got a mail, and nothing else is in the way (CONS-07)."""
    found = problem(session, contact.tenant_id, clock_of(session)())
    return session.scalar(select(found).where(Contact.id == contact.id)) == FORGOTTEN


def lawfully_agreed(session: Session, tenant_id: UUID) -> ColumnElement[bool]:
    """As a launch that is planned now looks at it; asks nothing of suppressions."""
    return and_(agreed(), problem(session, tenant_id, clock_of(session)()) == "")


def organisation(session: Session, tenant_id: UUID) -> Organisation:
    return session.get_one(Organisation, tenant_id)


@dataclass(frozen=True, slots=True)
class Listed:
    """A contact as the list shows it."""

    id: UUID
    contact: Contact
    is_granted: bool
    is_suppressed: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list of contacts is narrowed by. `state` is "", writable, held or suppressed."""

    text: str = ""
    country: str = ""
    locale: str = ""
    tag: str = ""
    state: str = ""

    def definition(self) -> Definition:
        return Definition(_one(self.country), _one(self.locale), _one(self.tag))


def _one(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def contacts(
    session: Session,
    tenant_id: UUID,
    wanted: Filter = Filter(),
    before: UUID | None = None,
    most: int = 51,
) -> list[Listed]:
    """Newest first, from after the contact `before`."""
    may = lawfully_agreed(session, tenant_id)
    query = (
        select(Contact, may, suppressed())
        .where(*chosen(session, tenant_id, wanted.definition()), *_found_by(wanted, may))
        .order_by(Contact.id.desc())
        .limit(most)
    )
    if before is not None:
        query = query.where(Contact.id < before)
    return [Listed(row[0].id, row[0], bool(row[1]), bool(row[2])) for row in session.execute(query)]


def _found_by(wanted: Filter, may: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for word in wanted.text.split()[:5]:
        columns = (Contact.email_norm, Contact.given_name, Contact.family_name, Contact.company)
        conditions.append(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    if wanted.state == "suppressed":
        conditions.append(suppressed())
    elif wanted.state == "writable":
        conditions += [may, ~suppressed()]
    elif wanted.state == "held":
        conditions += [~may, ~suppressed()]
    return conditions


def consents_of(session: Session, contact: Contact) -> list[Consent]:
    """The ledger of one person, newest first."""
    return list(
        session.scalars(
            select(Consent)
            .where(Consent.contact_id == contact.id, Consent.tenant_id == contact.tenant_id)
            .order_by(Consent.seq.desc())
        )
    )


class Standing(NamedTuple):
    """What holds of a person and purpose, and on what grounds."""

    state: ConsentState
    basis: ConsentBasis


def newest_consent(session: Session, contact: Contact, purpose: ConsentPurpose) -> Consent | None:
    return next((c for c in consents_of(session, contact) if c.purpose == purpose), None)


def standing(
    session: Session, people: Collection[Person], purpose: ConsentPurpose
) -> dict[UUID, Standing]:
    """What the ledger says last of each of these people; nothing of those it does not know."""
    tenants = {person.id: person.tenant_id for person in people}
    if not tenants:
        return {}
    found = _standing.rows(
        session,
        contacts=values(session, [*tenants]),
        tenants=values(session, [*{*tenants.values()}]),
        purpose=purpose,
    )
    return {
        contact_id: Standing(state, basis)
        for contact_id, tenant_id, state, basis in found
        if tenant_id == tenants[contact_id]
    }


@Prepared
def _standing(session: Session) -> Any:
    last = (
        select(func.max(Consent.seq))
        .where(one_of(session, Consent.contact_id, "contacts"))
        .where(one_of(session, Consent.tenant_id, "tenants"))
        .where(Consent.purpose == bindparam("purpose"))
        .group_by(Consent.contact_id)
    )
    columns = (Consent.contact_id, Consent.tenant_id, Consent.state, Consent.basis)
    return select(*columns).where(Consent.seq.in_(last))


def last_consents(
    session: Session, contacts: Collection[Contact]
) -> dict[tuple[UUID, ConsentPurpose], Consent]:
    """What the ledger says last of each of these people, purpose by purpose."""
    tenants = {contact.id: contact.tenant_id for contact in contacts}
    found = session.scalars(_last(session), {"contacts": values(session, [*tenants])})
    return {
        (row.contact_id, row.purpose): row
        for row in found
        if row.tenant_id == tenants[row.contact_id]
    }


@per_dialect
def _last(session: Session) -> Any:
    last = (
        select(func.max(Consent.seq))
        .where(one_of(session, Consent.contact_id, "contacts"))
        .group_by(Consent.contact_id, Consent.purpose)
    )
    return select(Consent).where(Consent.seq.in_(last))


def tags_of(session: Session, contact: Contact) -> list[str]:
    return list(
        session.scalars(
            select(ContactTag.tag)
            .where(ContactTag.contact_id == contact.id)
            .order_by(ContactTag.tag)
        )
    )


def suppressions_of(session: Session, contact: Contact) -> list[Suppression]:
    """Why this person is not written to, as far as the partner may know (no vendor's list)."""
    return list(
        session.scalars(
            select(Suppression).where(
                Suppression.email_hmac == contact.hmac,
                Suppression.lifted_at.is_(None),
                or_(
                    Suppression.scope == SuppressionScope.PLATFORM,
                    and_(
                        Suppression.scope == SuppressionScope.PARTNER,
                        Suppression.tenant_id == contact.tenant_id,
                    ),
                ),
            )
        )
    )


@dataclass(frozen=True, slots=True)
class Facets:
    """What a partner's contacts can be chosen by, each with how many have it."""

    countries: dict[str, int]
    locales: dict[str, int]
    tags: dict[str, int]


def facets(session: Session, tenant_id: UUID) -> Facets:
    tags = (
        select(ContactTag.tag, func.count())
        .join(Contact, Contact.id == ContactTag.contact_id)
        .where(*active(tenant_id))
        .group_by(ContactTag.tag)
    )
    return Facets(
        _facet(session, tenant_id, Contact.country),
        _facet(session, tenant_id, Contact.locale),
        summed((tag, n) for tag, n in session.execute(tags)),
    )


def _facet(session: Session, tenant_id: UUID, column: Any) -> dict[str, int]:
    rows = session.execute(
        select(column, func.count()).where(*active(tenant_id), column != "").group_by(column)
    )
    return summed((key, n) for key, n in rows)


def domains_over(session: Session, contact: Contact) -> list[SuppressedDomain]:
    """The partner's blocked domains this person's address is at."""
    host = contact.email_norm.rpartition("@")[2]
    labels = host.split(".")
    names = [".".join(labels[n:]) for n in range(len(labels) - 1)]
    found = session.scalars(
        select(SuppressedDomain).where(
            SuppressedDomain.tenant_id == contact.tenant_id,
            SuppressedDomain.scope == SuppressionScope.PARTNER,
            SuppressedDomain.lifted_at.is_(None),
            SuppressedDomain.domain.in_(names),
        )
    )
    return [one for one in found if covers(one.domain, one.subdomains, host)]


def segments(session: Session, tenant_id: UUID) -> list[Segment]:
    return list(
        session.scalars(
            select(Segment).where(Segment.tenant_id == tenant_id).order_by(Segment.name)
        )
    )


def suppressions(
    session: Session, owner: Owner | UUID, before: UUID | None = None, most: int = 51
) -> list[Suppression]:
    """The owner's own list (a partner's, given only its id), newest first."""
    query = (
        select(Suppression)
        .where(_owned(owner), Suppression.lifted_at.is_(None))
        .order_by(Suppression.id.desc())
        .limit(most)
    )
    if before is not None:
        query = query.where(Suppression.id < before)
    return list(session.scalars(query))


def _owned(owner: Owner | UUID) -> ColumnElement[bool]:
    whose = owner if isinstance(owner, Owner) else Owner(owner, SuppressionScope.PARTNER)
    return and_(Suppression.tenant_id == whose.tenant_id, Suppression.scope == whose.scope)


def suppression_count(session: Session, owner: Owner | UUID) -> int:
    query = (
        select(func.count())
        .select_from(Suppression)
        .where(_owned(owner), Suppression.lifted_at.is_(None))
    )
    return session.scalar(query) or 0


def suppression_of(session: Session, owner: Owner | UUID, suppression_id: UUID) -> Suppression:
    found = session.scalar(
        select(Suppression).where(Suppression.id == suppression_id, _owned(owner))
    )
    if found is None:
        raise NotFound(_("This entry is not there."))
    return found


def export(session: Session, tenant_id: UUID) -> Iterator[list[Any]]:
    """Every active contact as a row for a sheet, heading first, in constant memory."""
    yield [
        "email", "given_name", "family_name", "company", "title", "phone", "country", "language",
        "may_be_mailed", "source", "source_detail", "added",
    ]  # fmt: skip
    rows = session.execute(
        select(Contact, lawfully_agreed(session, tenant_id), suppressed())
        .where(*active(tenant_id))
        .order_by(Contact.id)
        .execution_options(yield_per=1000)
    )
    for contact, may, out in rows:
        yield [
            contact.email, contact.given_name, contact.family_name, contact.company,
            contact.title, contact.phone, contact.country, contact.locale,
            bool(may and not out), contact.source, contact.source_detail, contact.created_at,
        ]  # fmt: skip


def faults(session: Session, found: ContactImport) -> Iterator[list[Any]]:
    """The rows of an import that need a look, under the file's own headings, in its order."""
    kept = [n for n, heading in enumerate(found.columns) if not refused(heading)]
    yield [*(found.columns[n] for n in kept), _("line"), _("what is wrong")]
    rows = session.scalars(
        select(ImportRow)
        .where(
            ImportRow.import_id == found.id,
            or_(ImportRow.fault.is_not(None), ImportRow.warning.is_not(None)),
        )
        .order_by(ImportRow.line, ImportRow.seq)
        .execution_options(yield_per=500)
    )
    for row in rows:
        cells = [*(row.raw or []), *[""] * len(found.columns)]
        yield [
            *(cells[n] for n in kept),
            row.line,
            _(words) if (words := WORDS[row.fault or row.warning or ""]) else "",
        ]
