"""The partner's face and words, as rendering wants to know them."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.branding import lockup, vendors
from tpma.branding.fields import shown_phone
from tpma.branding.models import (
    BrandLogo,
    BrandProfile,
    CoBrandedKit,
    CoBrandedKitState,
    Customisation,
    LogoVariant,
)
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.partners.models import Enrolment
from tpma.partners.queries import looked_after
from tpma.rendering.colour import auto_text
from tpma.rendering.facts import BrandFacts, CompanyFacts, LogoFacts, VendorFacts

NEUTRAL = "#16181C"  # until a partner has a colour


def organisation(session: Session, organisation_id: UUID) -> Organisation:
    found = session.get(Organisation, organisation_id)
    if found is None:
        raise NotFound(_("There is no such organisation."))
    return found


def profile(session: Session, partner_org_id: UUID) -> BrandProfile:
    """The partner's brand; before it is saved once, what its organisation tells of it.

    A profile that was never saved is not in the session.
    """
    found = session.scalar(select(BrandProfile).where(BrandProfile.tenant_id == partner_org_id))
    return found or _prefilled(organisation(session, partner_org_id))


def _prefilled(company: Organisation) -> BrandProfile:
    return BrandProfile(
        tenant_id=company.id,
        name=company.trading_name,
        primary="",
        secondary="",
        accent="",
        contact_name="",
        contact_title="",
        contact_email=company.email,
        contact_phone=company.phone,
        website=company.website,
        privacy_url="",
        imprint_url="",
        sender_name="",
        reply_to="",
    )


def brand_logos(session: Session, partner_org_id: UUID) -> dict[LogoVariant, BrandLogo]:
    found = session.scalars(select(BrandLogo).where(BrandLogo.tenant_id == partner_org_id))
    return {logo.variant: logo for logo in found}


def facts(session: Session, partner_org_id: UUID, base_url: str) -> BrandFacts:
    """What mails, pages and documents say of the partner. A logo that is not uploaded yet has
    an address that answers 404, so that readers see the name in its place."""
    brand = profile(session, partner_org_id)
    colour = brand.primary or NEUTRAL
    return BrandFacts(
        company=company_facts(organisation(session, partner_org_id), brand),
        logo=_logo_facts(brand_logos(session, partner_org_id), base_url),
        colour=colour,
        colour_text=auto_text(colour),
        contact_name=brand.contact_name or brand.sender_name or brand.name,
        contact_title=brand.contact_title,
        contact_email=brand.contact_email,
        contact_phone=shown_phone(brand.contact_phone),
        privacy_url=brand.privacy_url,
        imprint_url=brand.imprint_url,
    )


def company_facts(company: Organisation, brand: BrandProfile | None = None) -> CompanyFacts:
    """A sender as the law wants to know it; a brand lends what the organisation leaves open."""
    return CompanyFacts(
        name=brand.name if brand else company.trading_name,
        legal_name=company.legal_name,
        country=company.country,
        address_lines=address_lines(company),
        website=(brand.website if brand else "") or company.website,
        email=company.email or (brand.contact_email if brand else ""),
        phone=shown_phone(company.phone or (brand.contact_phone if brand else "")),
        legal={key: str(value) for key, value in company.legal.items() if value},
    )


def address_lines(company: Organisation) -> tuple[str, ...]:
    """The postal address as its country writes it: town before or after the code."""
    town = _town(company)
    return tuple(line for line in (company.address_line1, company.address_line2, town) if line)


_CODE_LAST = {"US", "CA", "GB", "IE", "AU", "IN", "NZ", "AE", "SA"}


def _town(company: Organisation) -> str:
    if company.country in _CODE_LAST:
        place = ", ".join(part for part in (company.city, company.region) if part)
        return " ".join(part for part in (place, company.postal_code) if part)
    town = " ".join(part for part in (company.postal_code, company.city) if part)
    return ", ".join(part for part in (town, company.region) if part)


def _logo_facts(found: Mapping[LogoVariant, BrandLogo], base_url: str) -> LogoFacts:
    light = found.get(LogoVariant.PRIMARY)
    if light is None:
        missing = f"{base_url}/b/missing.png"
        return LogoFacts(missing, missing, *vendors.SHOWN_WITHOUT)
    dark = found.get(LogoVariant.REVERSED, light)
    shown = lockup.displayed(light.width / light.height)
    return LogoFacts(logo_url(light, base_url), logo_url(dark, base_url), *shown)


def logo_url(logo: BrandLogo, base_url: str) -> str:
    return f"{base_url}/b/{logo.sha256}.png"


def logo_by_sha(session: Session, sha256: str) -> bytes:
    """The PNG of a logo. It is public as the mails are that show it; its name cannot be guessed."""
    found = session.scalar(select(BrandLogo.png).where(BrandLogo.sha256 == sha256).limit(1))
    if found is None:
        raise NotFound(_("There is no such logo."))
    return found


def colours(session: Session, slug: str) -> tuple[str, str]:
    """Brand colour and the text colour on it, by the slug an organisation's pages carry.

    Raises NotFound.
    """
    found = session.execute(
        select(Organisation.id, BrandProfile.primary)
        .outerjoin(BrandProfile, Organisation.id == BrandProfile.tenant_id)
        .where(Organisation.slug == slug)
    ).first()
    if found is None:
        raise NotFound(_("There is no such brand."))
    colour = found[1] or NEUTRAL
    return colour, auto_text(colour)


def css_url(session: Session, partner_org_id: UUID) -> str:
    """Where a public page finds the partner's colours."""
    return f"/b/{organisation(session, partner_org_id).slug}.css"


def vendor_facts(session: Session, vendor_org_id: UUID, base_url: str) -> VendorFacts:
    """What mails, pages and documents say of the vendor."""
    row = vendors.vendor(session, vendor_org_id)
    company = row.organisation
    return VendorFacts(
        company=company_facts(company),
        logo=vendors.logo_facts(session, row, base_url),
    )


def find_cobranded(
    session: Session, enrolment: Enrolment, kit_version_id: UUID
) -> CoBrandedKit | None:
    return session.scalar(
        select(CoBrandedKit).where(
            CoBrandedKit.tenant_id == enrolment.partner_id,
            CoBrandedKit.enrolment_id == enrolment.id,
            CoBrandedKit.kit_version_id == kit_version_id,
        )
    )


def customisations(session: Session, cobranded: CoBrandedKit) -> list[Customisation]:
    return list(
        session.scalars(
            select(Customisation)
            .where(
                Customisation.tenant_id == cobranded.tenant_id,
                Customisation.cobranded_kit_id == cobranded.id,
            )
            .order_by(Customisation.asset, Customisation.slot, Customisation.locale)
        )
    )


def slot_values(
    session: Session, cobranded: CoBrandedKit | None, asset: str, locale: str
) -> dict[str, str]:
    """The partner's own words of one asset by slot; a slot that is not in it says the kit's."""
    if cobranded is None:
        return {}
    found = session.execute(
        select(Customisation.slot, Customisation.value).where(
            Customisation.tenant_id == cobranded.tenant_id,
            Customisation.cobranded_kit_id == cobranded.id,
            Customisation.asset == asset,
            Customisation.locale == locale,
        )
    )
    return {row.slot: row.value for row in found}


def own_words(session: Session, cobranded: CoBrandedKit | None, locale: str) -> dict[str, str]:
    """The partner's words of a whole kit by "<asset>.<slot>", as a rendering is given them."""
    if cobranded is None:
        return {}
    return {
        f"{row.asset}.{row.slot}": row.value
        for row in customisations(session, cobranded)
        if row.locale == locale
    }


def pending(
    session: Session, vendor_org_id: UUID, manager_id: UUID | None = None
) -> list[CoBrandedKit]:
    """Kits that wait for this vendor's reviewers, the longest first.

    Here and below: for the channel manager `manager_id`, those of partners they look after.
    """
    return list(
        session.scalars(
            select(CoBrandedKit)
            .join(Enrolment, Enrolment.id == CoBrandedKit.enrolment_id)
            .where(
                Enrolment.tenant_id == vendor_org_id,
                looked_after(Enrolment.id, vendor_org_id, manager_id),
                CoBrandedKit.state == CoBrandedKitState.PENDING_APPROVAL,
            )
            .order_by(CoBrandedKit.submitted_at, CoBrandedKit.id)
        )
    )


def count_pending(session: Session, vendor_org_id: UUID, manager_id: UUID | None = None) -> int:
    """How many co-branded kits wait for this vendor's reviewers."""
    return (
        session.scalar(
            select(func.count(CoBrandedKit.id))
            .join(Enrolment, Enrolment.id == CoBrandedKit.enrolment_id)
            .where(
                Enrolment.tenant_id == vendor_org_id,
                looked_after(Enrolment.id, vendor_org_id, manager_id),
                CoBrandedKit.state == CoBrandedKitState.PENDING_APPROVAL,
            )
        )
        or 0
    )


def for_review(
    session: Session, vendor_org_id: UUID, cobranded_id: UUID, manager_id: UUID | None = None
) -> CoBrandedKit:
    """One co-branded kit of this vendor's programme. Raises NotFound for another's."""
    found = session.scalar(
        select(CoBrandedKit)
        .join(Enrolment, Enrolment.id == CoBrandedKit.enrolment_id)
        .where(Enrolment.tenant_id == vendor_org_id, CoBrandedKit.id == cobranded_id)
        .where(looked_after(Enrolment.id, vendor_org_id, manager_id))
    )
    if found is None:
        raise NotFound(_("There is no such version to review."))
    return found
