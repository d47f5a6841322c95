"""The partner's face, and the vendor's kit with that face on it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tpma.core.db import Row, enum_column
from tpma.kits.models import KitVersion


class BrandState(StrEnum):
    DRAFT = "draft"
    VALIDATED = "validated"
    BLOCKED = "blocked"


class BrandProfile(Row):
    """Entered once, used in every asset. Legal and address data stand on the organisation."""

    __tablename__ = "brand_profiles"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), unique=True)  # partner
    name: Mapped[str] = mapped_column(String(120))  # as readers know the company
    primary: Mapped[str] = mapped_column(String(7))  # #RRGGBB
    secondary: Mapped[str] = mapped_column(String(7), default="")
    accent: Mapped[str] = mapped_column(String(7), default="")
    contact_name: Mapped[str] = mapped_column(String(120), default="")
    contact_title: Mapped[str] = mapped_column(String(120), default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    contact_phone: Mapped[str] = mapped_column(String(32), default="")
    website: Mapped[str] = mapped_column(String(300), default="")
    privacy_url: Mapped[str] = mapped_column(String(300), default="")
    imprint_url: Mapped[str] = mapped_column(String(300), default="")
    sender_name: Mapped[str] = mapped_column(String(120), default="")
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    state: Mapped[BrandState] = mapped_column(enum_column(BrandState), default=BrandState.DRAFT)


class LogoVariant(StrEnum):
    PRIMARY = "primary"  # for light ground
    REVERSED = "reversed"  # for dark ground
    ICON = "icon"  # square


class BrandLogo(Row):
    """A logo that passed intake: the (sanitised) original and a PNG for mail clients."""

    __tablename__ = "brand_logos"
    __table_args__ = (UniqueConstraint("brand_id", "variant"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand_profiles.id"), index=True)
    variant: Mapped[LogoVariant] = mapped_column(enum_column(LogoVariant))
    content_type: Mapped[str] = mapped_column(String(32))  # image/svg+xml or image/png
    content: Mapped[bytes] = mapped_column(LargeBinary)
    png: Mapped[bytes] = mapped_column(LargeBinary)  # at twice the display size
    sha256: Mapped[str] = mapped_column(String(64), index=True)  # of `png`
    width: Mapped[int]  # intrinsic, px
    height: Mapped[int]
    colour: Mapped[str] = mapped_column(String(7))  # its dominant colour


class CoBrandedKitState(StrEnum):
    DRAFT = "draft"
    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    INVALID = "invalid"


class CoBrandedKit(Row):
    """A kit version with a partner's brand and words; made when a partner first opens it.

    `approved_values` keeps what was last approved, by the vendor or by rule: "<asset>/<slot>/
    <locale>" → words ("" for the kit's own). A slot that says the same again needs no new look.
    """

    __tablename__ = "cobranded_kits"
    __table_args__ = (UniqueConstraint("enrolment_id", "kit_version_id", "brand_id"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # partner
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"))
    kit_version_id: Mapped[UUID] = mapped_column(ForeignKey("kit_versions.id"))
    brand_id: Mapped[UUID] = mapped_column(ForeignKey("brand_profiles.id"))
    state: Mapped[CoBrandedKitState] = mapped_column(
        enum_column(CoBrandedKitState), default=CoBrandedKitState.DRAFT
    )
    check_report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    approved_values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    submitted_at: Mapped[datetime | None]  # to the vendor's reviewers
    approved_at: Mapped[datetime | None]
    review_note: Mapped[str] = mapped_column(default="")  # why it came back

    kit_version: Mapped[KitVersion] = relationship()
    brand: Mapped[BrandProfile] = relationship()


class Customisation(Row):
    """The partner's own words in one slot, in one of the kit's locales."""

    __tablename__ = "customisations"
    __table_args__ = (UniqueConstraint("cobranded_kit_id", "asset", "slot", "locale"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    cobranded_kit_id: Mapped[UUID] = mapped_column(ForeignKey("cobranded_kits.id"))
    asset: Mapped[str] = mapped_column(String(40))
    slot: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(35))
    value: Mapped[str]
