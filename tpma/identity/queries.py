"""Who is here: members, the places one person can work at, and what was done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import (
    AccountToken,
    AuditLog,
    Membership,
    Organisation,
    OrganisationKind,
    OrganisationStatus,
    User,
    UserStatus,
)
from tpma.identity.rules import allowed
from tpma.identity.words import action_words, detail_words


@dataclass(frozen=True, slots=True)
class Place:
    """A partner's place in a vendor's programme, as the rooms downstream know it."""

    enrolment_id: UUID
    vendor_id: UUID  # organisation of the vendor
    words: str  # "Helio Cloud, Gold"


PlacesOf = Callable[[Session, UUID], Sequence[Place]]
"""The places of a partner organisation, the one to start with first."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """One line of the switcher: a membership and, for a partner, one vendor."""

    membership_id: UUID
    organisation_id: UUID
    organisation_name: str
    kind: OrganisationKind
    enrolment_id: UUID | None
    vendor_id: UUID | None
    place: str


def active_memberships(session: Session, user_id: UUID) -> list[Membership]:
    """Where this person can work now, in order of the names; organisations come along."""
    return list(
        session.scalars(
            select(Membership)
            .join(Membership.organisation)
            .options(contains_eager(Membership.organisation))
            .where(Membership.user_id == user_id)
            .where(Membership.ended_at.is_(None), Membership.pending.is_(False))
            .where(Organisation.status == OrganisationStatus.ACTIVE)
            .order_by(Organisation.trading_name, Membership.id)
        )
    )


def workspaces(session: Session, user_id: UUID, places_of: PlacesOf) -> list[Workspace]:
    """Every place this person can switch to; a partner appears once for each vendor."""
    found: list[Workspace] = []
    for member in active_memberships(session, user_id):
        found.extend(workspaces_of(session, member, places_of))
    return found


def workspaces_of(session: Session, member: Membership, places_of: PlacesOf) -> list[Workspace]:
    company = member.organisation
    if company.kind is OrganisationKind.PARTNER:
        places = places_of(session, company.id)
        if places:
            return [_workspace(member, p.words, p.enrolment_id, p.vendor_id) for p in places]
        return [_workspace(member, _("Not enrolled with a vendor"))]
    vendor = company.kind is OrganisationKind.VENDOR
    return [_workspace(member, _("Vendor studio") if vendor else _("Operator"))]


def _workspace(
    member: Membership, words: str, enrolment_id: UUID | None = None, vendor_id: UUID | None = None
) -> Workspace:
    company = member.organisation
    return Workspace(
        member.id,
        company.id,
        company.trading_name,
        company.kind,
        enrolment_id,
        vendor_id,
        words,
    )


def members(session: Session, organisation_id: UUID) -> list[Membership]:
    """People of an organisation, invited ones too, by name; users come along."""
    return list(session.scalars(_MEMBERS, {"organisation": organisation_id}))


_MEMBERS = (
    select(Membership)
    .join(Membership.user)
    .options(contains_eager(Membership.user))
    .where(Membership.organisation_id == bindparam("organisation"), Membership.ended_at.is_(None))
    .order_by(Membership.pending, User.name, Membership.id)
)


def member(session: Session, organisation_id: UUID, membership_id: UUID) -> Membership:
    """One person of this organisation. Another organisation's member is not found."""
    found = session.scalar(
        select(Membership)
        .where(Membership.id == membership_id, Membership.organisation_id == organisation_id)
        .where(Membership.ended_at.is_(None))
        .options(joinedload(Membership.user), joinedload(Membership.organisation))
    )
    if found is None:
        raise NotFound(_("No such member."))
    return found


def people_who_may(session: Session, organisation_id: UUID, permission: str) -> list[User]:
    """Those who can sign in there and have a role with this permission, by name."""
    found = session.execute(
        select(User, Membership.roles)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.organisation_id == organisation_id, Membership.ended_at.is_(None))
        .where(Membership.pending.is_(False), User.status == UserStatus.ACTIVE)
        .order_by(User.name, User.id)
    )
    return [user for user, roles in found if permission in allowed(roles)]


def invitations_until(session: Session, member_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """When the newest usable or lapsed invitation of each of these members ends."""
    rows = session.execute(
        select(AccountToken.membership_id, func.max(AccountToken.expires_at))
        .where(AccountToken.membership_id.in_(list(member_ids)), AccountToken.used_at.is_(None))
        .group_by(AccountToken.membership_id)
    )
    return {member_id: until for member_id, until in rows if member_id is not None}


def session_user(session: Session, user_id: UUID, epoch: int) -> User | None:
    """The user of a session made under this epoch, if it is still good."""
    return session.scalar(
        select(User).where(
            User.id == user_id, User.session_epoch == epoch, User.status == UserStatus.ACTIVE
        )
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit trail with the names an auditor needs beside the ids."""

    seq: int
    at: datetime
    action: str
    object_type: str
    object_id: str
    detail: dict[str, object]
    actor_name: str | None  # None: the platform
    tenant_name: str | None
    request_id: str

    @property
    def words(self) -> str:
        return action_words(self.action)

    @property
    def facts(self) -> str:
        return detail_words(self.detail)


def audit_page(
    session: Session,
    *,
    tenant_id: UUID | None = None,
    action: str = "",
    before: int | None = None,
    limit: int = 51,
) -> list[Entry]:
    """Newest first, of one tenant or (operator only) of all; `action` is a prefix."""
    rows = (
        select(AuditLog, User.name, Organisation.trading_name)
        .outerjoin(User, User.id == AuditLog.actor_id)
        .outerjoin(Organisation, Organisation.id == AuditLog.tenant_id)
        .order_by(AuditLog.seq.desc())
        .limit(limit)
    )
    if tenant_id is not None:
        rows = rows.where(AuditLog.tenant_id == tenant_id)
    if action:
        rows = rows.where(AuditLog.action.startswith(action, autoescape=True))
    if before is not None:
        rows = rows.where(AuditLog.seq < before)
    return [_entry(log, name, tenant) for log, name, tenant in session.execute(rows)]


def _entry(log: AuditLog, actor_name: str | None, tenant_name: str | None) -> Entry:
    return Entry(
        log.seq,
        log.at,
        log.action,
        log.object_type,
        log.object_id,
        log.detail,
        actor_name,
        tenant_name,
        log.request_id,
    )
