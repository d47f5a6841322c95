"""Enrolments as the vendor and the partner may see them: each its own, nobody else's."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import (
    InstrumentedAttribute,
    Session,
    aliased,
    contains_eager,
    joinedload,
)

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Membership, Organisation, User, UserStatus
from tpma.identity.queries import Place
from tpma.identity.rules import Actor, narrowed
from tpma.partners.models import Enrolment, EnrolmentState, Partner, Programme, Tier, Vendor
from tpma.partners.rules import tier_words

Thing = TypeVar("Thing")
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; empty means all."""

    named: str = ""
    tier: str = ""
    state: str = ""
    country: str = ""
    manager: str = ""  # id of a user, or NOBODY


def enrolment_for(session: Session, partner_id: UUID, vendor_id: UUID) -> Enrolment | None:
    """The partner's open enrolment with this vendor, both given as organisations."""
    return session.scalar(
        select(Enrolment)
        .where(Enrolment.partner_id == partner_id, Enrolment.tenant_id == vendor_id)
        .where(Enrolment.state != EnrolmentState.CLOSED)
        .order_by(Enrolment.created_at)
        .limit(1)
    )


def get(
    session: Session, vendor_id: UUID, enrolment_id: UUID, manager_id: UUID | None = None
) -> Enrolment:
    """An enrolment of this vendor. Another vendor's, or one that is not assigned to the
    channel manager `manager_id`, is not found."""
    wanted = (
        select(Enrolment)
        .where(Enrolment.id == enrolment_id, Enrolment.tenant_id == vendor_id)
        .options(
            joinedload(Enrolment.partner),
            joinedload(Enrolment.tier),
            joinedload(Enrolment.programme),
            joinedload(Enrolment.manager),
        )
    )
    wanted = wanted.where(looked_after(Enrolment.id, vendor_id, manager_id))
    return _found(session.scalar(wanted), _("No such partner."))


def own(session: Session, partner_id: UUID, enrolment_id: UUID) -> Enrolment:
    """An enrolment of this partner, as its own pages read it."""
    return _found(
        session.scalar(
            select(Enrolment).where(
                Enrolment.id == enrolment_id, Enrolment.partner_id == partner_id
            )
        ),
        _("No such enrolment."),
    )


def assigned_to(actor: Actor) -> UUID | None:
    """The channel manager whose partners alone the actor may see; None for the whole vendor.

    Every page of the studio asks this, and narrows what it reads by `looked_after`.
    """
    return actor.user_id if narrowed(actor.roles, actor.sight) else None


def looked_after(
    enrolment_id: InstrumentedAttribute[UUID], vendor_id: UUID, manager_id: UUID | None
) -> ColumnElement[bool]:
    """Whether the enrolment a row names is one this channel manager looks after; without a
    manager, any."""
    if manager_id is None:
        return true()
    theirs = aliased(Enrolment)
    return enrolment_id.in_(
        select(theirs.id).where(theirs.tenant_id == vendor_id, theirs.manager_id == manager_id)
    )


def of_vendor(
    session: Session,
    vendor_id: UUID,
    wanted: Filter = Filter(),
    manager_id: UUID | None = None,
) -> list[Enrolment]:
    """The vendor's partners by name, at most 500; partner, tier and manager come along."""
    rows = (
        select(Enrolment)
        .join(Enrolment.partner)
        .join(Enrolment.tier)
        .options(
            contains_eager(Enrolment.partner),
            contains_eager(Enrolment.tier),
            joinedload(Enrolment.manager),
        )
        .where(Enrolment.tenant_id == vendor_id)
        .where(looked_after(Enrolment.id, vendor_id, manager_id))
        .order_by(func.lower(Organisation.trading_name), Enrolment.id)
        .limit(500)
    )
    return list(session.scalars(rows.where(*_meeting(wanted))))


def _meeting(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.tier:
        yield Tier.key == wanted.tier
    if wanted.state in set(EnrolmentState):
        yield Enrolment.state == EnrolmentState(wanted.state)
    if wanted.country:
        yield Organisation.country == wanted.country
    if wanted.manager == NOBODY:
        yield Enrolment.manager_id.is_(None)
    elif wanted.manager:
        yield Enrolment.manager_id == UUID(wanted.manager)
    if wanted.named:
        yield or_(
            Organisation.trading_name.icontains(wanted.named, autoescape=True),
            Organisation.legal_name.icontains(wanted.named, autoescape=True),
        )


def several(
    session: Session, vendor_id: UUID, ids: Iterable[UUID], manager_id: UUID | None = None
) -> list[Enrolment]:
    """These enrolments of the vendor. Raises NotFound if one is another's or not looked after."""
    wanted = set(ids)
    found = session.scalars(
        select(Enrolment).where(
            Enrolment.id.in_(wanted),
            Enrolment.tenant_id == vendor_id,
            looked_after(Enrolment.id, vendor_id, manager_id),
        )
    ).all()
    if len(found) != len(wanted):
        raise NotFound(_("No such partner."))
    return list(found)


def counts(session: Session, vendor_id: UUID, manager_id: UUID | None = None) -> dict[str, int]:
    """How many partners are in each state."""
    rows = (
        select(Enrolment.state, func.count())
        .where(Enrolment.tenant_id == vendor_id)
        .where(looked_after(Enrolment.id, vendor_id, manager_id))
        .group_by(Enrolment.state)
    )
    return {state.value: number for state, number in session.execute(rows)}


def places_of(session: Session, partner_id: UUID) -> Sequence[Place]:
    """Where a partner works, active programmes first: the shell's switcher."""
    rows = session.execute(
        select(Enrolment, Organisation.trading_name, Tier.key)
        .join(Organisation, Organisation.id == Enrolment.tenant_id)
        .join(Enrolment.tier)
        .where(Enrolment.partner_id == partner_id, Enrolment.state != EnrolmentState.CLOSED)
        .order_by(Enrolment.created_at, Enrolment.id)
    ).all()
    rows = sorted(rows, key=lambda row: row[0].state is EnrolmentState.SUSPENDED)
    return [
        Place(enrolment.id, enrolment.tenant_id, _place(enrolment, name, tier))
        for enrolment, name, tier in rows
    ]


def _place(enrolment: Enrolment, vendor: str, tier: str) -> str:
    if enrolment.state is EnrolmentState.SUSPENDED:
        return _("%(vendor)s, suspended", vendor=vendor)
    return _("%(vendor)s, %(tier)s", vendor=vendor, tier=tier_words(tier))


def vendor_of(session: Session, organisation_id: UUID) -> Vendor:
    return _found(
        session.scalar(
            select(Vendor)
            .where(Vendor.organisation_id == organisation_id)
            .options(joinedload(Vendor.organisation))
        ),
        _("No such vendor."),
    )


def partner_of(session: Session, organisation_id: UUID) -> Partner:
    return _found(
        session.scalar(
            select(Partner)
            .where(Partner.organisation_id == organisation_id)
            .options(joinedload(Partner.organisation))
        ),
        _("No such partner."),
    )


def programmes(session: Session, vendor_id: UUID) -> list[Programme]:
    """The vendor's programmes, the oldest first."""
    return list(
        session.scalars(
            select(Programme)
            .where(Programme.tenant_id == vendor_id)
            .order_by(Programme.created_at, Programme.id)
        )
    )


def first_programme(session: Session, vendor_id: UUID) -> Programme:
    """The programme new partners join. Raises NotFound for a vendor without one."""
    return _found(next(iter(programmes(session, vendor_id)), None), _("No such programme."))


def programme(session: Session, vendor_id: UUID, programme_id: UUID) -> Programme:
    return _found(
        session.scalar(
            select(Programme).where(Programme.id == programme_id, Programme.tenant_id == vendor_id)
        ),
        _("No such programme."),
    )


def tiers(session: Session, vendor_id: UUID, programme_id: UUID) -> list[Tier]:
    """The tiers of a programme, the lowest first."""
    return list(
        session.scalars(
            select(Tier)
            .where(Tier.programme_id == programme_id, Tier.tenant_id == vendor_id)
            .order_by(Tier.rank)
        )
    )


def tier(session: Session, programme: Programme, key: str) -> Tier:
    """A tier by its key. Raises NotFound for one this programme does not have."""
    return _found(
        session.scalar(
            select(Tier).where(
                Tier.programme_id == programme.id,
                Tier.tenant_id == programme.tenant_id,
                Tier.key == key,
            )
        ),
        _("This programme has no such tier."),
    )


def currencies(session: Session, programme: Programme) -> list[str]:
    """What its registrations may be valued in: the vendor's own currency first, then partners'."""
    own = session.get_one(Organisation, programme.tenant_id).base_currency
    theirs = session.scalars(
        select(Organisation.base_currency)
        .join(Enrolment, Enrolment.partner_id == Organisation.id)
        .where(
            Enrolment.programme_id == programme.id,
            Enrolment.tenant_id == programme.tenant_id,
            Enrolment.state != EnrolmentState.CLOSED,
        )
        .distinct()
    )
    return [own, *sorted(set(theirs) - {own})]


def managers(session: Session, vendor_id: UUID) -> list[User]:
    """People of the vendor who can look after a partner, by name."""
    rows = session.execute(
        select(User, Membership.roles)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.organisation_id == vendor_id, Membership.ended_at.is_(None))
        .where(Membership.pending.is_(False), User.status == UserStatus.ACTIVE)
        .order_by(User.name, User.id)
    )
    return [user for user, roles in rows if {"CM", "VA"} & set(roles)]


def invited_member(session: Session, enrolment: Enrolment) -> Membership | None:
    """The person an unanswered invitation of this partner went to."""
    if enrolment.state is not EnrolmentState.INVITED:
        return None
    return session.scalar(
        select(Membership)
        .join(Membership.user)
        .options(contains_eager(Membership.user))
        .where(Membership.organisation_id == enrolment.partner_id)
        .where(Membership.pending.is_(True), Membership.ended_at.is_(None))
        .order_by(Membership.created_at)
        .limit(1)
    )


def _found(thing: Thing | None, message: str) -> Thing:
    if thing is None:
        raise NotFound(message)
    return thing
