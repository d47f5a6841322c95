"""What the pages of a brand show: its fields, its logos on their grounds, what is missing. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tpma.branding import lockup
from tpma.branding.findings import Finding, errors, ltr, ratio_words
from tpma.branding.models import BrandLogo, BrandProfile, LogoVariant
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext
from tpma.identity.models import Organisation
from tpma.rendering import footer
from tpma.rendering.colour import READABLE, auto_text, contrast
from tpma.rendering.facts import CompanyFacts

_PLAIN = {"legal_name", "address", "contact", "email", "phone"}  # fields of every country
_EXAMPLES = {
    "representatives": "Ada Musterfrau",
    "register_court": "Amtsgericht Köln",
    "register_no": "HRB 12345",
    "share_capital": "25 000 €",
    "vat_id": "DE123456789",
    "uid": "CHE-123.456.789",
}
_NUMBERS = (
    lazy("Nothing"),
    lazy("One"),
    lazy("Two"),
    lazy("Three"),
    lazy("Four"),
    lazy("Five"),
    lazy("Six"),
    lazy("Seven"),
    lazy("Eight"),
    lazy("Nine"),
)
_BRAND = (
    "name primary secondary accent contact_name contact_title contact_email contact_phone "
    "website privacy_url imprint_url sender_name reply_to"
)
_COMPANY = "legal_name address_line1 address_line2 city region postal_code"
_TILES = (
    (LogoVariant.PRIMARY, lazy("On light ground"), lazy("In mails, on pages and in documents")),
    (LogoVariant.REVERSED, lazy("On dark ground"), lazy("In dark mail programs and on dark pages")),
    (LogoVariant.ICON, lazy("Icon"), lazy("Square, for small places")),
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One variant of the logo, or the place where it goes."""

    variant: str
    title: str
    use: str
    url: str
    width: int
    height: int
    facts: str
    required: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A colour as people with weak eyes meet it, in figures."""

    colour: str
    text: str
    on_it: str  # contrast of `text` on it, "6.87 : 1"
    on_white: str
    is_readable_on_white: bool


def title(findings: Iterable[Finding]) -> str:
    """The head of the page: how far it is to the first launch."""
    missing = len(errors(findings))
    if not missing:
        return _("Your brand is ready to launch")
    count = _(_NUMBERS[missing]) if missing < len(_NUMBERS) else str(missing)
    return ngettext(
        "%(count)s thing missing before you can launch",
        "%(count)s things missing before you can launch",
        missing,
        count=count,
    )


def tiles(found: Mapping[LogoVariant, BrandLogo]) -> list[Tile]:
    return [_tile(variant, name, use, found.get(variant)) for variant, name, use in _TILES]


def _tile(variant: LogoVariant, name: str, use: str, logo: BrandLogo | None) -> Tile:
    wanted = variant is LogoVariant.PRIMARY
    if logo is None:
        return Tile(variant.value, _(name), _(use), "", 0, 0, "", wanted)
    width, height = lockup.displayed(logo.width / logo.height)
    kind = "SVG" if logo.content_type == "image/svg+xml" else "PNG"
    facts = _(
        "%(kind)s, shown at %(size)s, contrast %(ratio)s",
        kind=kind,
        size=ltr(f"{width} × {height}"),
        ratio=_ratio(logo.colour, lockup.GROUNDS[variant]),
    )
    url = f"/b/{logo.sha256}.png"
    return Tile(variant.value, _(name), _(use), url, width, height, facts, wanted)


def reading(colour: str) -> Reading:
    """Raises Invalid for anything but #RRGGBB."""
    text = auto_text(colour)
    return Reading(
        colour=colour,
        text=text,
        on_it=_ratio(text, colour),
        on_white=_ratio(colour, "#FFFFFF"),
        is_readable_on_white=contrast(colour, "#FFFFFF") >= READABLE,
    )


def _ratio(one: str, other: str) -> str:
    return ratio_words(contrast(one, other))


def legal_fields(company: Organisation, readers: Iterable[str] = ()) -> list[tuple[str, str, str]]:
    """(key, label, example) of what the law asks for besides name, address and contact; what
    was entered for readers of other countries stays in view."""
    asked = list(footer.fields_for(company.country, ""))
    for country in readers:
        asked += footer.fields_for(country, "")
    asked += [key for key, value in company.legal.items() if value and key in footer.NAMES]
    own = [key for key in dict.fromkeys(asked) if key not in _PLAIN]
    return [(key, _(footer.NAMES[key]), _EXAMPLES.get(key, "")) for key in own]


def printed_footer(sender: CompanyFacts, locale: str) -> str:
    """The sender's line as a page prints it, in English where we have no words of the language."""
    try:
        return footer.legal_line(sender, "", locale)
    except Invalid:
        return footer.legal_line(sender, "", "en")


def values(brand: BrandProfile, company: Organisation) -> dict[str, str]:
    """Every field of the page as it is kept."""
    own = {name: getattr(brand, name) or "" for name in _BRAND.split()}
    address = {name: getattr(company, name) for name in _COMPANY.split()}
    contact = {"company_email": company.email, "company_phone": company.phone}
    return own | address | contact | {key: str(value) for key, value in company.legal.items()}
