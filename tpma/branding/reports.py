"""What still stands between a partner's brand, or its words, and a launch."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from tpma.branding import lockup, queries, rules
from tpma.branding.findings import Finding, error, kept, warning
from tpma.branding.models import (
    BrandLogo,
    BrandProfile,
    BrandState,
    CoBrandedKit,
    CoBrandedKitState,
    LogoVariant,
)
from tpma.core.i18n import babel_locale
from tpma.core.i18n import gettext as _
from tpma.kits import queries as kits
from tpma.rendering import footer
from tpma.rendering.colour import auto_text
from tpma.rendering.facts import CompanyFacts


def brand_report(
    session: Session, partner_org_id: UUID, countries: Iterable[str] = ()
) -> list[Finding]:
    """Findings on the brand itself; `countries` are those of the readers (ISO 3166-1)."""
    brand = queries.profile(session, partner_org_id)
    company = queries.organisation(session, partner_org_id)
    found = queries.brand_logos(session, partner_org_id)
    return (
        _blocked(brand)
        + _logo_findings(found)
        + _colour_findings(brand)
        + _contact_findings(brand)
        + _legal_findings(queries.company_facts(company, brand), countries)
    )


def _blocked(brand: BrandProfile) -> list[Finding]:
    if brand.state is not BrandState.BLOCKED:
        return []
    return [
        error(
            "brand.blocked",
            _("The vendor has blocked this brand."),
            _("Ask your channel manager what has to change."),
        )
    ]


def _logo_findings(found: Mapping[LogoVariant, BrandLogo]) -> list[Finding]:
    light = found.get(LogoVariant.PRIMARY)
    if light is None:
        return [error("logo.missing", _("The logo is missing."), _("Upload it."), "logo")]
    shown = lockup.displayed(light.width / light.height)
    checks = [
        lockup.check_shape(light.width, light.height),
        lockup.check_least(*shown),
        lockup.check_ground(light.colour, LogoVariant.PRIMARY),
    ]
    if LogoVariant.REVERSED not in found:
        checks.append(_no_dark_version(light))
    return kept(checks)


def _no_dark_version(light: BrandLogo) -> Finding | None:
    """One logo may serve both grounds if it stands out on the dark one too."""
    if lockup.check_ground(light.colour, LogoVariant.REVERSED) is None:
        return None
    return warning(
        "logo.bg",
        _("On dark ground your logo (%(colour)s) can hardly be seen.", colour=light.colour),
        _("Upload a light version; until then it stands on a white plate."),
        "logo_reversed",
    )


def _colour_findings(brand: BrandProfile) -> list[Finding]:
    if not brand.primary:
        return [
            error(
                "colour.missing",
                _("The brand colour is missing."),
                _("Enter it, or upload a logo and we read it from there."),
                "primary",
            )
        ]
    text = auto_text(brand.primary)
    return kept([rules.check_colour(text, brand.primary, field="primary")])


def _contact_findings(brand: BrandProfile) -> list[Finding]:
    return [
        error("brand.missing", message, cure, field)
        for field, message, cure in (
            ("sender_name", _("The sender's name is missing."), _("Enter whom readers hear from.")),
            (
                "reply_to",
                _("The address for replies is missing."),
                _("Enter where answers shall arrive."),
            ),
            (
                "privacy_url",
                _("The address of your privacy notice is missing."),
                _("Enter it: every mail and form links to it."),
            ),
        )
        if not getattr(brand, field)
    ]


def _legal_findings(sender: CompanyFacts, countries: Iterable[str]) -> list[Finding]:
    """One finding a field: the first country that asks for it is named."""
    asked: dict[str, str] = {}
    for country, key in footer.missing(sender, countries):
        asked.setdefault(key, country)
    return [_missing(key, country) for key, country in asked.items()]


def _missing(key: str, country: str) -> Finding:
    return error(
        "footer.legal",
        _("%(field)s is missing.", field=legal_label(key)),
        _("%(country)s: its law asks for it in the footer.", country=country_name(country)),
        _ENTERED_AS.get(key, key),
    )


# Fields of the law that are several fields of the form: the first of them.
_ENTERED_AS = {
    "address": "address_line1",
    "contact": "company_email",
    "email": "company_email",
    "phone": "company_phone",
}


def legal_label(key: str) -> str:
    return _(footer.NAMES[key])


def country_name(code: str) -> str:
    """In the reader's language; the code itself if CLDR does not know it."""
    return str(babel_locale().territories.get(code, code))


def kit_report(session: Session, cobranded: CoBrandedKit) -> list[Finding]:
    """Findings on one kit in this brand: its words, and whether it may be used at all. That it
    waits for the vendor is its state, not a finding."""
    return _state_findings(cobranded) + words_report(session, cobranded)


def _state_findings(cobranded: CoBrandedKit) -> list[Finding]:
    if cobranded.state is CoBrandedKitState.INVALID:
        message = _("This version of the kit was recalled.")
        return [error("kit.recalled", message, _("Open its new version."))]
    if cobranded.state is CoBrandedKitState.DRAFT and cobranded.review_note:
        message = _("The vendor sent your words back: %(note)s", note=cobranded.review_note)
        return [error("kit.sent_back", message, _("Change them, or restore the kit's own."))]
    return []


def words_report(session: Session, cobranded: CoBrandedKit) -> list[Finding]:
    """Findings on the partner's words in one kit."""
    content = kits.content(session, cobranded.kit_version_id)
    specs = {(slot.asset, slot.key): slot for slot in content.slots}
    found: list[Finding] = []
    for custom in queries.customisations(session, cobranded):
        spec = specs.get((custom.asset, custom.slot))
        if spec is not None:
            default = rules.default_text(content, spec, custom.locale)
            found += rules.check_slot(spec, custom.value, custom.locale, default)
    return found
