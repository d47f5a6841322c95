"""Companies we market through: what only a vendor or only a partner has, and what joins them."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tpma.core.db import Row, enum_column
from tpma.identity.models import Organisation, User


class Vendor(Row):
    """What only a vendor has. `id` is a key of its own; `organisation_id` names the company."""

    __tablename__ = "vendors"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), unique=True)
    code_prefix: Mapped[str] = mapped_column(String(4), unique=True)  # starts campaign codes
    brand_colour: Mapped[str] = mapped_column(String(7), default="#16181C")
    logo_svg: Mapped[str] = mapped_column(default="")
    logo_reversed_svg: Mapped[str] = mapped_column(default="")
    four_eyes: Mapped[bool] = mapped_column(default=False)  # a second person publishes kits

    organisation: Mapped[Organisation] = relationship()


class PartnerType(StrEnum):
    VAR = "var"
    MSP = "msp"
    ISV = "isv"
    SI = "si"
    GSI = "gsi"
    INFLUENCE = "influence"
    DISTRIBUTOR = "distributor"


class Persona(StrEnum):
    TRANSACTIONAL = "transactional"
    STRATEGIC = "strategic"


class Partner(Row):
    __tablename__ = "partners"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), unique=True)
    partner_type: Mapped[PartnerType] = mapped_column(enum_column(PartnerType))
    persona: Mapped[Persona] = mapped_column(enum_column(Persona), default=Persona.TRANSACTIONAL)

    organisation: Mapped[Organisation] = relationship()


class FallbackPolicy(StrEnum):
    """What a kit may be served in when it lacks the partner's language."""

    STRICT = "strict"  # nothing: the launch is blocked
    CHAIN = "chain"  # the parents of the tag
    ANY = "any"  # down to the kit's source language, with a banner


class Programme(Row):
    __tablename__ = "programmes"
    __table_args__ = (UniqueConstraint("tenant_id", "slug"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # vendor
    name: Mapped[str] = mapped_column(String(120))
    slug: Mapped[str] = mapped_column(String(40))
    fallback_policy: Mapped[FallbackPolicy] = mapped_column(
        enum_column(FallbackPolicy), default=FallbackPolicy.CHAIN
    )
    holidays: Mapped[list[str]] = mapped_column(default=list)  # "2026-12-25", "2026-10-03 DE"


class Tier(Row):
    __tablename__ = "tiers"
    __table_args__ = (UniqueConstraint("programme_id", "key"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # vendor
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programmes.id"))
    key: Mapped[str] = mapped_column(String(20))  # registered silver gold platinum
    rank: Mapped[int]
    protection_days: Mapped[int] = mapped_column(default=90)
    # Currency → the largest value (minor units) approved by rule; none: somebody always decides.
    auto_approve: Mapped[dict[str, Any]] = mapped_column(default=dict)


class EnrolmentState(StrEnum):
    INVITED = "invited"
    ONBOARDING = "onboarding"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Enrolment(Row):
    """A partner in a vendor's programme. No vendor ever sees another vendor's enrolment."""

    __tablename__ = "enrolments"
    __table_args__ = (UniqueConstraint("programme_id", "partner_id"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # vendor
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programmes.id"))
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id"))
    state: Mapped[EnrolmentState] = mapped_column(
        enum_column(EnrolmentState), default=EnrolmentState.ACTIVE
    )
    persona_override: Mapped[str | None] = mapped_column(String(20))
    territories: Mapped[list[str]] = mapped_column(default=list)  # ISO 3166-1 codes
    product_families: Mapped[list[str]] = mapped_column(default=list)
    agreement_signed_on: Mapped[date]
    manager_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # channel manager

    vendor: Mapped[Organisation] = relationship(foreign_keys=[tenant_id])
    partner: Mapped[Organisation] = relationship(foreign_keys=[partner_id])
    programme: Mapped[Programme] = relationship()
    tier: Mapped[Tier] = relationship()
    manager: Mapped[User | None] = relationship()
