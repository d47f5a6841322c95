"""Mail domains nobody may write to: put on a list by hand, and taken off it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, true
from sqlalchemy.orm import Session

from tpma.audiences.blocking import Domain, domain_of
from tpma.audiences.models import Contact, SuppressedDomain, SuppressionScope
from tpma.audiences.queries import active
from tpma.core.db import clock_of, new_id, upsert
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.text import is_free_mail, is_public_suffix
from tpma.identity.rules import Actor
from tpma.identity.service import record


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose list it is: the one that reads it and answers for it."""

    tenant_id: UUID
    scope: SuppressionScope

    def owns(self, table: type[SuppressedDomain]) -> ColumnElement[bool]:
        return and_(table.tenant_id == self.tenant_id, table.scope == self.scope)


def suppress_domain(
    session: Session,
    actor: Actor,
    owner: Owner,
    text: str,
    *,
    subdomains: bool,
    source: str = "",
    confirmed: bool = False,
) -> SuppressedDomain:
    """Nobody of this scope writes to the domain again; known already, it can only grow.

    Raises Invalid(field="domain") for what is no domain or nobody's, and Conflict for a mail
    provider unless `confirmed`: it has millions of customers who asked for nothing.
    """
    wanted = domain_of(text, subdomains)
    _refuse_too_much(wanted, confirmed)
    _insert(session, owner, wanted, source)
    found = _found(session, owner, wanted.name)
    if found.lifted_at is not None:
        found.subdomains, found.source = wanted.subdomains, source[:200]
    found.subdomains = found.subdomains or wanted.subdomains
    found.lifted_at = found.list_id = None
    session.flush()
    record(session, actor, owner.tenant_id, "suppression.domain_added", found)
    return found


def _refuse_too_much(wanted: Domain, confirmed: bool) -> None:
    if is_public_suffix(wanted.name):
        raise Invalid(
            _(
                "Companies register their names under %(domain)s: it is nobody’s. Enter the "
                "domain of one company.",
                domain=wanted.name,
            ),
            field="domain",
        )
    if is_free_mail(wanted.name) and not confirmed:
        raise Conflict(
            _(
                "%(domain)s is a mail provider with many customers. Tick the box if you mean all "
                "of them; else enter the one address.",
                domain=wanted.name,
            )
        )


def _insert(session: Session, owner: Owner, wanted: Domain, source: str) -> None:
    now = clock_of(session)()
    values = {
        "id": new_id(session),
        "tenant_id": owner.tenant_id,
        "scope": owner.scope,
        "domain": wanted.name,
        "subdomains": wanted.subdomains,
        "source": source[:200],
        "lifted_at": None,
        "list_id": None,
        "created_at": now,
        "updated_at": now,
        "row_version": 1,
    }
    session.execute(upsert(session, SuppressedDomain).values(values).on_conflict_do_nothing())


def _found(session: Session, owner: Owner, name: str) -> SuppressedDomain:
    query = select(SuppressedDomain).where(
        owner.owns(SuppressedDomain), SuppressedDomain.domain == name
    )
    return session.scalars(query).one()


def domain_entry(session: Session, owner: Owner, domain_id: UUID) -> SuppressedDomain:
    """Raises NotFound for another's."""
    found = session.scalar(
        select(SuppressedDomain).where(
            SuppressedDomain.id == domain_id, owner.owns(SuppressedDomain)
        )
    )
    if found is None:
        raise NotFound(_("This entry is not there."))
    return found


def lift_domain(session: Session, actor: Actor, entry: SuppressedDomain) -> None:
    entry.lifted_at = clock_of(session)()
    record(session, actor, entry.tenant_id, "suppression.domain_lifted", entry)


def domains(
    session: Session, owner: Owner, before: UUID | None = None, most: int = 51
) -> list[SuppressedDomain]:
    """Newest first."""
    older = SuppressedDomain.id < before if before else true()
    return list(
        session.scalars(
            select(SuppressedDomain)
            .where(owner.owns(SuppressedDomain), SuppressedDomain.lifted_at.is_(None), older)
            .order_by(SuppressedDomain.id.desc())
            .limit(most)
        )
    )


def domain_count(session: Session, owner: Owner) -> int:
    query = (
        select(func.count())
        .select_from(SuppressedDomain)
        .where(owner.owns(SuppressedDomain), SuppressedDomain.lifted_at.is_(None))
    )
    return session.scalar(query) or 0


def contacts_at(session: Session, tenant_id: UUID, entry: SuppressedDomain) -> int:
    """How many of the partner's contacts have an address there."""
    at = Contact.email_norm.endswith(f"@{entry.domain}", autoescape=True)
    if entry.subdomains:
        under = Contact.email_norm.like(literal(f"%@%.{entry.domain}"))
        at = or_(at, under)
    query = select(func.count()).select_from(Contact).where(*active(tenant_id), at)
    return session.scalar(query) or 0
