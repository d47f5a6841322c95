"""The demo's cast: Helio Cloud, four partners in four languages, their people. All invented."""

from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.branding import service as branding
from tpma.branding.models import LogoVariant
from tpma.identity import credentials, members
from tpma.identity import service as identity
from tpma.identity.models import Membership, Organisation, OrganisationKind, User
from tpma.identity.rules import Actor
from tpma.partners import queries as partners
from tpma.partners import service as partner_service
from tpma.partners.models import Enrolment, PartnerType, Persona, Programme
from tpma.system import System

VENDOR = "helio-cloud"


@dataclass(frozen=True, slots=True)
class Cast:
    """A partner, the person who signs in for it, and its brand."""

    slug: str
    art: str  # names its files in demo_data
    legal_name: str
    trading_name: str
    partner_type: PartnerType
    persona: Persona
    tier: str
    country: str
    locale: str
    timezone: str
    currency: str
    address: dict[str, str]
    legal: dict[str, str]
    email: str
    person: str
    title: str
    phone: str
    website: str
    colour: str


CAST = (
    Cast(
        "brightline-it",
        "brightline",
        "Brightline IT, Inc.",
        "Brightline IT",
        PartnerType.VAR,
        Persona.TRANSACTIONAL,
        "gold",
        "US",
        "en-US",
        "America/New_York",
        "USD",
        {
            "address_line1": "88 East Broad Street",
            "city": "Columbus",
            "region": "OH",
            "postal_code": "43215",
        },
        {},
        "dana@brightline.example",
        "Dana Whitfield",
        "Security practice lead",
        "+16145550142",
        "https://brightline.example",
        "#0057B8",
    ),
    Cast(
        "rheinwerk-systemhaus",
        "rheinwerk",
        "Rheinwerk Systemhaus GmbH",
        "Rheinwerk Systemhaus",
        PartnerType.MSP,
        Persona.TRANSACTIONAL,
        "gold",
        "DE",
        "de-DE",
        "Europe/Berlin",
        "EUR",
        {"address_line1": "Hafenstraße 12", "city": "Köln", "postal_code": "50677"},
        {
            "legal_form": "GmbH",
            "representatives": "Jonas Keller",
            "register_court": "Amtsgericht Köln",
            "register_no": "HRB 12345",
            "register_place": "Köln",
            "vat_id": "DE136695976",
        },
        "jonas@rheinwerk.example",
        "Jonas Keller",
        "Leiter Netzwerk und Sicherheit",
        "+4922155501234",
        "https://rheinwerk.example",
        "#1F5F3F",
    ),
    Cast(
        "sakura-integration",
        "sakura",
        "株式会社サクラインテグレーション",
        "Sakura Integration",
        PartnerType.SI,
        Persona.STRATEGIC,
        "platinum",
        "JP",
        "ja-JP",
        "Asia/Tokyo",
        "JPY",
        {
            "address_line1": "丸の内1-2-3",
            "city": "千代田区",
            "region": "東京都",
            "postal_code": "100-0005",
        },
        {},
        "aoi@sakura.example",
        "葵 森",
        "セキュリティ事業部",
        "+81355501234",
        "https://sakura.example",
        "#A8324A",
    ),
    Cast(
        "al-waha-digital",
        "alwaha",
        "الواحة الرقمية ش.ذ.م.م",
        "الواحة الرقمية",
        PartnerType.VAR,
        Persona.TRANSACTIONAL,
        "silver",
        "AE",
        "ar-AE",
        "Asia/Dubai",
        "AED",
        {"address_line1": "برج المدينة ١، شارع الشيخ زايد", "city": "دبي"},
        {},
        "salma@alwaha.example",
        "سلمى الكعبي",
        "مديرة حلول الأمن",
        "+97145550178",
        "https://alwaha.example",
        "#0A6C74",
    ),
)
STAR = CAST[1]  # who runs the demo's campaign

# (e-mail, name, roles) at the vendor
HELIO = (
    ("maya@helio.example", "Maya Okafor", ["VA", "PB", "BR"]),
    ("desk@helio.example", "Ben Sato", ["DD"]),
)
OPERATOR = ("operator@tpma.example", "Operator")


def art(name: str) -> bytes:
    """A file of the demo's data, from a checkout or a wheel."""
    return files("tpma.cli").joinpath("demo_data", name).read_bytes()


def set_up(system: System) -> None:
    """Vendor, programme, partners, people, brands. A second call changes nothing."""
    with system.db.transaction() as session:
        vendor = _vendor(session)
        programme = partners.first_programme(session, vendor.id)
        for one in CAST:
            _partner(session, programme, one, system.settings.demo_password)
        for email, name, roles in HELIO:
            _person(session, vendor, email, name, roles, system.settings.demo_password)
        _operator(session, system.settings.demo_password)


def _vendor(session: Session) -> Organisation:
    found = organisation(session, VENDOR)
    if found is not None:
        return found
    made = partner_service.create_vendor(
        session,
        None,
        code_prefix="HC",
        brand_colour="#C8442B",
        logo_svg=art("logo-helio.svg").decode(),
        logo_reversed_svg=art("logo-helio-reversed.svg").decode(),
        legal_name="Helio Cloud, Inc.",
        trading_name="Helio Cloud",
        country="US",
        default_locale="en-US",
        timezone="America/New_York",
        base_currency="USD",
        address_line1="500 Market Street",
        city="San Francisco",
        region="CA",
        postal_code="94105",
        website="https://helio.example",
        email="partners@helio.example",
        phone="+14155550100",
    )
    partner_service.create_programme(
        session, None, made.organisation, name="Helio Partner Programme"
    )
    return made.organisation


def _partner(session: Session, programme: Programme, one: Cast, password: str) -> None:
    if organisation(session, one.slug) is not None:
        return
    made = partner_service.create_partner(
        session,
        None,
        partner_type=one.partner_type,
        persona=one.persona,
        legal_name=one.legal_name,
        trading_name=one.trading_name,
        country=one.country,
        default_locale=one.locale,
        timezone=one.timezone,
        base_currency=one.currency,
        website=one.website,
        email=one.email,
        phone=one.phone,
        legal=one.legal,
        **one.address,
    ).organisation
    made.slug = one.slug
    partner_service.enrol(
        session,
        None,
        programme,
        made,
        one.tier,
        territories=[one.country],
        product_families=["security", "cloud", "backup"],
        agreement_signed_on=date(2026, 1, 12),
    )
    _person(session, made, one.email, one.person, ["PA", "PM", "PS"], password, one)
    _brand(session, made, one)


def _brand(session: Session, partner: Organisation, one: Cast) -> None:
    branding.save_profile(
        session,
        partner.id,
        {
            "name": one.trading_name,
            "primary": one.colour,
            "contact_name": one.person,
            "contact_title": one.title,
            "contact_email": one.email,
            "contact_phone": one.phone,
            "website": one.website,
            "privacy_url": f"{one.website}/privacy",
            "sender_name": one.trading_name,
            "reply_to": one.email,
        },
    )
    for variant, name in (
        (LogoVariant.PRIMARY, f"logo-{one.art}.svg"),
        (LogoVariant.REVERSED, f"logo-{one.art}-reversed.svg"),
        (LogoVariant.ICON, f"icon-{one.art}.svg"),
    ):
        branding.save_logo(session, partner.id, variant, art(name))


def _person(
    session: Session,
    company: Organisation,
    email: str,
    name: str,
    roles: list[str],
    password: str,
    one: Cast | None = None,
) -> None:
    known = session.scalar(select(User.id).where(User.email_norm == email))
    if known is not None:
        return
    # The interface speaks English and German; a reader of another language gets English.
    language = "de" if one and one.locale.startswith("de") else "en"
    person = identity.create_user(
        session, email=email, name=name, locale=language, timezone=company.timezone
    )
    credentials.set_first_password(session, person, password)
    members.add_membership(session, None, person, company, roles)


def _operator(session: Session, password: str) -> None:
    found = session.scalar(
        select(Organisation).where(Organisation.kind == OrganisationKind.OPERATOR).limit(1)
    )
    company = found or identity.create_organisation(
        session,
        None,
        OrganisationKind.OPERATOR,
        legal_name="Operator",
        country="US",
        timezone="UTC",
        base_currency="USD",
    )
    _person(session, company, *OPERATOR, ["OP"], password)


def organisation(session: Session, slug: str) -> Organisation | None:
    return session.scalar(select(Organisation).where(Organisation.slug == slug))


def actor(session: Session, email: str) -> Actor:
    """A person of the cast at work, as if signed in."""
    member = session.scalars(
        select(Membership).join(User, User.id == Membership.user_id).where(User.email_norm == email)
    ).one()
    company = member.organisation
    enrolment = session.scalar(select(Enrolment).where(Enrolment.partner_id == company.id))
    return Actor(
        user_id=member.user_id,
        organisation_id=company.id,
        kind=company.kind,
        roles=tuple(member.roles),
        membership_id=member.id,
        enrolment_id=enrolment.id if enrolment else None,
        vendor_id=enrolment.tenant_id if enrolment else None,
        name=member.user.name,
        locale=member.user.locale,
        timezone=member.user.timezone,
        sight=member.sight,
    )


def sign_ins() -> list[tuple[str, str]]:
    """(who, e-mail) of everybody a visitor can sign in as."""
    people = [(f"{one.trading_name} ({one.locale})", one.email) for one in CAST]
    return [
        *people,
        ("Helio Cloud, vendor marketing", HELIO[0][0]),
        ("Helio Cloud, deal desk", HELIO[1][0]),
        ("Operator of this installation", OPERATOR[0]),
    ]
