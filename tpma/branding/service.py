"""The partner's brand: what is entered once and flows into every asset."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.branding import fields, logos, vendors
from tpma.branding.cobranding import (
    approve,
    cobranded,
    customise,
    request_changes,
    submit,
    to_be_looked_at,
)
from tpma.branding.findings import errors
from tpma.branding.models import BrandLogo, BrandProfile, BrandState, LogoVariant
from tpma.branding.queries import (
    css_url,
    facts,
    organisation,
    own_words,
    profile,
    slot_values,
    vendor_facts,
)
from tpma.branding.regions import check_locked, locked_hashes
from tpma.branding.reports import brand_report, kit_report
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import one_line, phone_number
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.rendering import footer

__all__ = [
    "approve",
    "brand_report",
    "check_locked",
    "cobranded",
    "css_url",
    "customise",
    "facts",
    "faults",
    "kit_report",
    "locked_hashes",
    "own_words",
    "request_changes",
    "save_company",
    "save_logo",
    "save_profile",
    "save_vendor_colour",
    "save_vendor_logo",
    "slot_values",
    "submit",
    "to_be_looked_at",
    "vendor_facts",
]

Reader = Callable[[str, str], str]  # (text, field) → the value as we keep it


def _line(longest: int) -> Reader:
    return lambda text, field: one_line(text, longest, field)


_PROFILE: dict[str, Reader] = {
    "name": _line(120),
    "primary": fields.colour,
    "secondary": fields.colour,
    "accent": fields.colour,
    "contact_name": _line(120),
    "contact_title": _line(120),
    "contact_email": fields.mail,
    "contact_phone": phone_number,
    "website": fields.web_address,
    "privacy_url": fields.web_address,
    "imprint_url": fields.web_address,
    "sender_name": fields.sender_name,
    "reply_to": fields.mail,
}
_COMPANY: dict[str, Reader] = {
    "legal_name": _line(200),
    "address_line1": _line(200),
    "address_line2": _line(200),
    "city": _line(100),
    "region": _line(100),
    "postal_code": _line(20),
    "company_email": fields.mail,
    "company_phone": phone_number,
}
_LEGAL = sorted(set(footer.NAMES) - {"legal_name", "address", "contact", "email", "phone"})
_NEVER_EMPTY = {"name", "legal_name"}


def faults(values: Mapping[str, str]) -> list[Invalid]:
    """Everything wrong with what was entered, so that a form can show it all at once."""
    readers = _PROFILE | _COMPANY | {key: _line(200) for key in _LEGAL}
    found = []
    for field, reader in readers.items():
        if field in values:
            try:
                _read(reader, values[field], field)
            except Invalid as fault:
                found.append(fault)
    return found


def _read(reader: Reader, text: str, field: str) -> str:
    value = reader(text, field)
    if not value and field in _NEVER_EMPTY:
        raise Invalid(_("Fill this in."), field=field)
    return value


def save_profile(
    session: Session, partner_org_id: UUID, values: Mapping[str, str], actor: Actor | None = None
) -> BrandProfile:
    """Set the fields of the profile that `values` names; the others stay as they are.

    Raises Invalid with the first field that is wrong.
    """
    brand = profile(session, partner_org_id)
    for field, reader in _PROFILE.items():
        if field in values:
            setattr(brand, field, _read(reader, values[field], field))
    session.add(brand)
    _judge(session, brand)
    record(session, actor, partner_org_id, "brand_profile.saved", brand, state=brand.state.value)
    return brand


def _judge(session: Session, brand: BrandProfile) -> None:
    """Validated once nothing is missing; a brand the vendor blocked stays so."""
    brand.state = brand.state or BrandState.DRAFT
    session.flush()
    if brand.state is not BrandState.BLOCKED:
        missing = errors(brand_report(session, brand.tenant_id))
        brand.state = BrandState.DRAFT if missing else BrandState.VALIDATED


def save_company(
    session: Session, partner_org_id: UUID, values: Mapping[str, str], actor: Actor | None = None
) -> Organisation:
    """Set legal name, address and what the law asks for, by the keys of `footer.NAMES`.

    Raises Invalid with the first field that is wrong.
    """
    company = organisation(session, partner_org_id)
    for field, reader in _COMPANY.items():
        if field in values:
            value = _read(reader, values[field], field)
            setattr(company, field.removeprefix("company_"), value)
    legal: dict[str, Any] = dict(company.legal)
    for key in _LEGAL:
        if key in values:
            legal[key] = one_line(values[key], 200, key)
    company.legal = legal
    session.flush()
    record(session, actor, partner_org_id, "organisation.described", company)
    return company


def save_logo(
    session: Session,
    partner_org_id: UUID,
    variant: LogoVariant,
    data: bytes,
    actor: Actor | None = None,
) -> BrandLogo:
    """Take an uploaded file as the logo of one variant. A brand without a colour gets the logo's.

    Raises Invalid(field="logo") with the rule it breaks and the cure.
    """
    taken = logos.intake(data, variant)
    brand = profile(session, partner_org_id)
    session.add(brand)
    if variant is LogoVariant.PRIMARY and not brand.primary:
        brand.primary = taken.vivid
    session.flush()
    row = _logo_row(session, brand, variant)
    for field in ("content_type", "content", "png", "sha256", "width", "height", "colour"):
        setattr(row, field, getattr(taken, field))
    session.add(row)
    _judge(session, brand)
    record(session, actor, partner_org_id, "brand_logo.saved", row, variant=variant.value)
    return row


def save_vendor_logo(
    session: Session, actor: Actor, variant: LogoVariant, data: bytes
) -> BrandLogo:
    """As `save_logo`, for the vendor that acts. A vendor that chose no colour gets the logo's."""
    row = vendors.vendor(session, actor.organisation_id)
    saved = save_logo(session, actor.organisation_id, variant, data, actor)
    if variant is LogoVariant.PRIMARY and row.brand_colour == vendors.UNCHOSEN:
        row.brand_colour = profile(session, actor.organisation_id).primary or vendors.UNCHOSEN
    return saved


def save_vendor_colour(session: Session, actor: Actor, text: str) -> None:
    """Raises Invalid(field="brand_colour")."""
    row = vendors.vendor(session, actor.organisation_id)
    row.brand_colour = fields.colour(text, "brand_colour") or vendors.UNCHOSEN
    record(session, actor, actor.organisation_id, "vendor.brand_saved", row)


def _logo_row(session: Session, brand: BrandProfile, variant: LogoVariant) -> BrandLogo:
    found = session.scalar(
        select(BrandLogo).where(
            BrandLogo.tenant_id == brand.tenant_id,
            BrandLogo.brand_id == brand.id,
            BrandLogo.variant == variant,
        )
    )
    return found or BrandLogo(tenant_id=brand.tenant_id, brand_id=brand.id, variant=variant)
