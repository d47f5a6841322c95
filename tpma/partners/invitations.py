"""How a partner comes to a vendor's programme: invited with its data, then there by itself."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity import members, places
from tpma.identity.models import Membership, Organisation, OrganisationKind, OrganisationStatus
from tpma.identity.queries import active_memberships
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.identity.tokens import Issued
from tpma.partners import queries, service
from tpma.partners.companies import Company, columns
from tpma.partners.models import (
    Enrolment,
    EnrolmentState,
    PartnerType,
    Persona,
    Programme,
)

FIRST_ROLES = ("PA", "PM", "PS")  # one person does it all until more are invited


@dataclass(frozen=True, slots=True)
class Invitation:
    """A partner as the vendor knows it, and the person to write to."""

    company: Company
    name: str
    email: str
    partner_type: PartnerType
    tier: str
    territories: list[str]
    product_families: list[str]
    persona: Persona = Persona.TRANSACTIONAL
    manager_id: UUID | None = None


def invite_partner(
    session: Session, actor: Actor, programme: Programme, invitation: Invitation, base_url: str
) -> tuple[Enrolment, Issued]:
    """Make the company, enrol it as invited, and mail its first admin a link.

    It is always a new company here, even if the person works at one: whether a partner works
    with another vendor is for the partner to say, when it accepts. Raises Invalid with the field.
    """
    partner = service.create_partner(
        session,
        actor,
        partner_type=invitation.partner_type,
        persona=invitation.persona,
        **columns(invitation.company),
    )
    enrolment = service.enrol(
        session,
        actor,
        programme,
        partner.organisation,
        invitation.tier,
        territories=invitation.territories or [partner.organisation.country],
        product_families=invitation.product_families,
        manager_id=invitation.manager_id,
        state=EnrolmentState.INVITED,
    )
    issued = _write(
        session, actor, partner.organisation, invitation.email, invitation.name, base_url
    )
    return enrolment, issued


def invite_again(session: Session, actor: Actor, enrolment: Enrolment, base_url: str) -> Issued:
    """A fresh link for the person who has not answered. Raises Conflict if nobody has to."""
    waiting = queries.invited_member(session, enrolment)
    if waiting is None:
        raise Conflict(_("This invitation was answered already."))
    person = waiting.user
    return _write(session, actor, enrolment.partner, person.email, person.name, base_url)


def _write(
    session: Session, actor: Actor, partner: Organisation, email: str, name: str, base_url: str
) -> Issued:
    try:
        return members.invite(
            session,
            actor,
            partner,
            email=email,
            name=name,
            roles=FIRST_ROLES,
            base_url=base_url,
        )
    except Invalid as error:  # the company has an address too: say whose is meant
        raise Invalid(error.message, field=f"person_{error.field}") from error


def homes_for(session: Session, member: Membership) -> list[Organisation]:
    """Partner companies the invited person administers already and could enrol instead."""
    return [
        other.organisation
        for other in active_memberships(session, member.user_id)
        if other.organisation.kind is OrganisationKind.PARTNER
        and "PA" in other.roles
        and other.organisation_id != member.organisation_id
    ]


def welcome(session: Session, member: Membership, into: UUID | None) -> None:
    """The invited person is here: their invited enrolments become active.

    With `into`, a company the person administers already, the enrolments go there and the
    invited company is put away. Raises NotFound if it is not theirs, Conflict if it is in the
    programme already.
    """
    enrolments = list(
        session.scalars(
            select(Enrolment)
            .where(Enrolment.partner_id == member.organisation_id)
            .where(Enrolment.state == EnrolmentState.INVITED)
        )
    )
    home = _home(session, member, into) if into else None
    for enrolment in enrolments:
        if home is not None:
            _hand_over(session, enrolment, home)
        service.move(session, None, enrolment, EnrolmentState.ACTIVE)
    if home is not None:
        _put_away(session, member)


def _home(session: Session, member: Membership, into: UUID) -> Organisation:
    for home in homes_for(session, member):
        if home.id == into:
            return home
    raise NotFound(_("You have no such workspace."))


def _hand_over(session: Session, enrolment: Enrolment, home: Organisation) -> None:
    there = queries.enrolment_for(session, home.id, enrolment.tenant_id)
    if there is not None and there.programme_id == enrolment.programme_id:
        raise Conflict(_("%(company)s is in this programme already.", company=home.trading_name))
    enrolment.partner = home
    record(session, None, enrolment.tenant_id, "enrolment.handed_over", enrolment, partner=home.id)


def _put_away(session: Session, member: Membership) -> None:
    """The company made for the invitation was never used: nobody can enter it again."""
    member.ended_at = clock_of(session)()
    member.organisation.status = OrganisationStatus.SUSPENDED
    record(session, None, member.organisation_id, "organisation.suspended", member.organisation)


def default_company(vendor: Organisation) -> Company:
    """What the invitation form starts with: most partners are where the vendor is."""
    return Company(
        legal_name="",
        country=vendor.country,
        default_locale=places.language_of(vendor.country, vendor.default_locale),
    )
