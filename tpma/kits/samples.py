"""Facts of an invented partner and vendor, to compile a kit before anybody launches it."""

from typing import Any

from tpma.rendering.content import AssetSpec, KitContent
from tpma.rendering.document import compile_pdf
from tpma.rendering.facts import BrandFacts, CompanyFacts, LaunchFacts, LogoFacts, VendorFacts
from tpma.rendering.mail import compile_mail, signed_links
from tpma.rendering.page import compile_page
from tpma.rendering.social import compile_post

_BASE = "https://tpma.example"
_LOGO = LogoFacts(f"{_BASE}/k/logo.png", f"{_BASE}/k/logo-reversed.png", 140, 36)
# Every field of every country, so that the footer is as long as it can become.
_LEGAL = {
    "legal_form": "GmbH",
    "representatives": "Ada Musterfrau, Ben Mustermann",
    "register_court": "Amtsgericht Musterstadt",
    "register_no": "HRB 123456",
    "register_place": "Musterstadt",
    "share_capital": "25.000 EUR",
    "vat_id": "DE123456789",
    "uid": "CHE-123.456.789",
}


def _company(name: str) -> CompanyFacts:
    return CompanyFacts(
        name=name,
        legal_name=f"{name} Gesellschaft für Informationstechnik mbH",
        country="DE",
        address_lines=("Musterstraße 123", "12345 Musterstadt", "Deutschland"),
        website=f"https://{name.lower()}.example",
        email=f"kontakt@{name.lower()}.example",
        phone="+49 30 901820",
        legal=_LEGAL,
    )


BRAND = BrandFacts(
    company=_company("Musterpartner"),
    logo=_LOGO,
    colour="#2348C7",
    colour_text="#FFFFFF",
    contact_name="Ada Musterfrau",
    contact_title="Vertrieb",
    contact_email="ada@musterpartner.example",
    contact_phone="+49 30 901821",
    privacy_url="https://musterpartner.example/privacy",
    imprint_url="https://musterpartner.example/imprint",
)
VENDOR = VendorFacts(company=_company("Musterhersteller"), logo=_LOGO)


def launch(content: KitContent) -> LaunchFacts:
    return LaunchFacts(
        code=f"XXXX-{content.key}-0000000",
        base_url=_BASE,
        page_url=f"{_BASE}/p/musterpartner/{content.slug}",
        partner_slug="musterpartner",
        kit_slug=content.slug,
        image_urls={image.key: f"{_BASE}/k/{image.sha256}.png" for image in content.images},
    )


def make(content: KitContent, asset: AssetSpec, locale: str) -> None:
    """Make one asset as it would be launched. Raises Invalid if that cannot be done."""
    facts: dict[str, Any] = {
        "requested": locale,
        "brand": BRAND,
        "vendor": VENDOR,
        "launch": launch(content),
        "slots": {},
    }
    if asset.kind == "email":
        links = signed_links(content, asset.key)
        numbers = {key: number for number, key in enumerate(links)}
        compile_mail(
            content, asset.key, locale, link_numbers=numbers, countries=("DE", "US"), **facts
        )
    elif asset.kind == "landing_page":
        compile_page(content, locale, brand_css_url=f"{_BASE}/b/brand.css", **facts)
    elif asset.kind == "pdf":
        compile_pdf(content, asset.key, locale, **facts)
    else:
        compile_post(content, asset.key, locale, **facts)
