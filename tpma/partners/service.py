"""Vendors, partners and what joins them: programmes, tiers, enrolments."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import slug
from tpma.identity.models import Organisation, OrganisationKind
from tpma.identity.rules import Actor
from tpma.identity.service import create_organisation, filled, record
from tpma.partners import queries
from tpma.partners.models import (
    Enrolment,
    EnrolmentState,
    FallbackPolicy,
    Partner,
    PartnerType,
    Persona,
    Programme,
    Tier,
    Vendor,
)
from tpma.partners.rules import TIERS, may_move

_PREFIX = re.compile(r"[A-Z]{2,4}")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")


def create_vendor(
    session: Session,
    actor: Actor | None,
    *,
    code_prefix: str,
    brand_colour: str = "#16181C",
    logo_svg: str = "",
    logo_reversed_svg: str = "",
    **company: Any,
) -> Vendor:
    """A company that publishes kits. `company` as for `identity.service.create_organisation`.

    Raises Invalid if the prefix is not two to four capitals or another vendor has it.
    """
    prefix = code_prefix.strip().upper()
    if not _PREFIX.fullmatch(prefix):
        raise Invalid(_("Use two to four letters, for example HC."), field="code_prefix")
    if session.scalar(select(Vendor.id).where(Vendor.code_prefix == prefix)) is not None:
        raise Invalid(
            _("%(prefix)s starts another vendor's codes. Choose other letters.", prefix=prefix),
            field="code_prefix",
        )
    if not _COLOUR.fullmatch(brand_colour):
        raise Invalid(_("Write the colour as #2348C7."), field="brand_colour")
    organisation = create_organisation(session, actor, OrganisationKind.VENDOR, **company)
    vendor = Vendor(
        organisation=organisation,
        code_prefix=prefix,
        brand_colour=brand_colour.upper(),
        logo_svg=logo_svg,
        logo_reversed_svg=logo_reversed_svg,
    )
    session.add(vendor)
    session.flush()
    return vendor


def create_partner(
    session: Session,
    actor: Actor | None,
    *,
    partner_type: PartnerType,
    persona: Persona = Persona.TRANSACTIONAL,
    **company: Any,
) -> Partner:
    """A company that launches kits. `company` as for `identity.service.create_organisation`."""
    organisation = create_organisation(session, actor, OrganisationKind.PARTNER, **company)
    partner = Partner(organisation=organisation, partner_type=partner_type, persona=persona)
    session.add(partner)
    session.flush()
    return partner


def create_programme(
    session: Session,
    actor: Actor | None,
    vendor: Organisation,
    *,
    name: str,
    fallback_policy: FallbackPolicy = FallbackPolicy.CHAIN,
) -> Programme:
    """A programme with the four tiers every programme starts with."""
    programme = Programme(
        tenant_id=vendor.id,
        name=filled(name, 120, "name"),
        slug=slug(name) or "programme",
        fallback_policy=fallback_policy,
    )
    session.add(programme)
    session.flush()
    for default in TIERS:
        session.add(
            Tier(
                tenant_id=vendor.id,
                programme_id=programme.id,
                key=default.key,
                rank=default.rank,
                protection_days=default.protection_days,
            )
        )
    record(session, actor, vendor.id, "programme.created", programme)
    return programme


def enrol(
    session: Session,
    actor: Actor | None,
    programme: Programme,
    partner: Organisation,
    tier: str,
    *,
    territories: Sequence[str] = (),
    product_families: Sequence[str] = (),
    agreement_signed_on: date | None = None,
    manager_id: UUID | None = None,
    state: EnrolmentState = EnrolmentState.ACTIVE,
) -> Enrolment:
    """Take a partner into a programme; `tier` is a key. No agreement date means today.

    Raises Conflict if the partner is in it already, Invalid for a company that is no partner.
    """
    if partner.kind is not OrganisationKind.PARTNER:
        raise Invalid(_("Only a partner can be enrolled."), field="partner")
    _not_in_yet(session, programme.id, partner.id)
    enrolment = Enrolment(
        tenant_id=programme.tenant_id,
        partner=partner,
        programme=programme,
        tier=queries.tier(session, programme, tier),
        state=state,
        territories=list(territories),
        product_families=list(product_families),
        agreement_signed_on=agreement_signed_on or clock_of(session)().date(),
        manager_id=manager_id,
    )
    session.add(enrolment)
    session.flush()
    record(
        session,
        actor,
        programme.tenant_id,
        f"enrolment.{state.value}",
        enrolment,
        partner=partner.id,
        tier=tier,
    )
    return enrolment


def _not_in_yet(session: Session, programme_id: UUID, partner_id: UUID) -> None:
    there = session.scalar(
        select(Enrolment.id).where(
            Enrolment.programme_id == programme_id, Enrolment.partner_id == partner_id
        )
    )
    if there is not None:
        raise Conflict(_("This partner is in the programme already."))


def set_tier(session: Session, actor: Actor | None, enrolment: Enrolment, tier: str) -> None:
    """Move a partner up or down; kits and protection follow with the next page.

    Raises NotFound for a tier the programme does not have.
    """
    before = enrolment.tier.key
    if before == tier:
        return
    enrolment.tier = queries.tier(session, enrolment.programme, tier)
    record(
        session,
        actor,
        enrolment.tenant_id,
        "enrolment.tier_changed",
        enrolment,
        before=before,
        after=tier,
    )


def set_scope(
    session: Session,
    actor: Actor,
    enrolment: Enrolment,
    *,
    territories: Sequence[str],
    product_families: Sequence[str],
    manager_id: UUID | None,
) -> None:
    """Where and with what the partner may sell, and who at the vendor looks after it.

    Raises Invalid if the manager is nobody of the vendor who could.
    """
    _refuse_stranger(session, enrolment.tenant_id, manager_id)
    enrolment.territories = list(territories)
    enrolment.product_families = list(product_families)
    enrolment.manager_id = manager_id
    record(
        session,
        actor,
        enrolment.tenant_id,
        "enrolment.scope_changed",
        enrolment,
        territories=list(territories),
        manager=manager_id,
    )


def assign(
    session: Session, actor: Actor, enrolments: Sequence[Enrolment], manager_id: UUID | None
) -> int:
    """Hand partners to a channel manager (None: to nobody); how many changed hands.

    Raises Invalid if there is none, or the manager is nobody of the vendor who could.
    """
    if not enrolments:
        raise Invalid(_("Tick the partners you want to hand over."), field="enrolments")
    _refuse_stranger(session, actor.organisation_id, manager_id)
    moved = [one for one in enrolments if one.manager_id != manager_id]
    for enrolment in moved:
        before, enrolment.manager_id = enrolment.manager_id, manager_id
        record(
            session,
            actor,
            enrolment.tenant_id,
            "enrolment.assigned",
            enrolment,
            before=before,
            manager=manager_id,
        )
    session.flush()
    return len(moved)


def _refuse_stranger(session: Session, vendor_id: UUID, manager_id: UUID | None) -> None:
    known = {user.id for user in queries.managers(session, vendor_id)}
    if manager_id is not None and manager_id not in known:
        raise Invalid(_("Choose one of your channel managers."), field="manager")


def suspend(session: Session, actor: Actor, enrolment: Enrolment) -> None:
    """No new launch, deal or request until it is reinstated. Raises Conflict unless active."""
    move(session, actor, enrolment, EnrolmentState.SUSPENDED)


def reinstate(session: Session, actor: Actor, enrolment: Enrolment) -> None:
    """Raises Conflict unless suspended."""
    if enrolment.state is not EnrolmentState.SUSPENDED:
        raise Conflict(_("This partner is not suspended."))
    move(session, actor, enrolment, EnrolmentState.ACTIVE)


def move(session: Session, actor: Actor | None, enrolment: Enrolment, to: EnrolmentState) -> None:
    """Change the state as `partners.rules` allows. Raises Conflict for any other change."""
    if not may_move(enrolment.state, to):
        raise Conflict(_("That changed a moment ago. Reload the page and decide again."))
    before, enrolment.state = enrolment.state, to
    record(
        session,
        actor,
        enrolment.tenant_id,
        f"enrolment.{to.value}",
        enrolment,
        before=before.value,
    )
