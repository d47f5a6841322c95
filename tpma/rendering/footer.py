"""Who sends, by the law of the sender's and the reader's country, and in the mail's language.

What a country asks for stands in its pack (`tpma.localization.packs`): seed data, to be
confirmed by counsel. It decides what is asked for and what is printed; nothing here is advice.
"""

from collections.abc import Iterable
from html import escape

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.localization import packs
from tpma.localization.rules import PSEUDO, direction
from tpma.rendering.facts import CompanyFacts, VendorFacts
from tpma.rendering.footer_texts import LABELS, SENTENCES, one_line

# `contact` is an e-mail address or a telephone number; the other keys are those of
# CompanyFacts and of its `legal`.
OTHER: tuple[str, ...] = ("legal_name", "address", "contact", "register_no", "vat_id")
"""For a country without a pack: the minimum of the EU, which contains that of the US."""

FIELDS: dict[str, tuple[str, ...]] = {
    country: pack.footer.fields for country, pack in packs.newest().items()
}

# How the fields are called in the interface; LABELS has what the footers print.
NAMES: dict[str, str] = {
    "legal_name": lazy("Legal name"),
    "address": lazy("Postal address"),
    "contact": lazy("E-mail address or telephone number"),
    "email": lazy("E-mail address"),
    "phone": lazy("Telephone number"),
    "legal_form": lazy("Legal form"),
    "representatives": lazy("Authorised representatives"),
    "register_court": lazy("Register court"),
    "register_no": lazy("Register number"),
    "register_place": lazy("Place of registration"),
    "share_capital": lazy("Share capital"),
    "vat_id": lazy("VAT identification number"),
    "uid": lazy("Swiss company number (UID)"),
}

# Where a mail must say that it is one.
_ADVERTISEMENT = frozenset(c for c, pack in packs.newest().items() if pack.footer.advertisement)


def fields_for(sender_country: str, reader_country: str) -> list[str]:
    """What the two countries ask for together. A reader of unknown country adds nothing."""
    asked = list(FIELDS.get(sender_country, OTHER))
    if reader_country:
        asked += [key for key in FIELDS.get(reader_country, OTHER) if key not in asked]
    return asked


def missing(sender: CompanyFacts, countries: Iterable[str]) -> list[tuple[str, str]]:
    """(country, field) for every field a country asks for that the sender has not filled in.

    `countries` are the readers'; the sender's own is always asked as well.
    """
    asking = dict.fromkeys([sender.country, *sorted(set(countries) - {""})])
    return [
        (country, key)
        for country in asking
        for key in FIELDS.get(country, OTHER)
        if not value_of(sender, key)
    ]


def value_of(sender: CompanyFacts, key: str) -> str:
    """The sender's value of a field of FIELDS, or ""."""
    own = {
        "legal_name": sender.legal_name,
        "address": ", ".join(sender.address_lines),
        "contact": sender.email or sender.phone,
        "email": sender.email,
        "phone": sender.phone,
    }
    return own.get(key) or str(sender.legal.get(key, ""))


def footer(
    sender: CompanyFacts,
    vendor: VendorFacts,
    country: str,
    locale: str,
    privacy_url: str,
    imprint_url: str,
) -> tuple[str, str]:
    """The footer for readers in `country` ("" for unknown), as HTML and as plain text.

    Raises Invalid for a language the legal texts do not exist in.
    """
    words = _language(locale)
    lines = [_identity(sender, locale), _registration(sender, country, words)]
    lines += _sentences(sender, vendor, country, words)
    links = _links(privacy_url, imprint_url, words)
    shown = [escape(line) for line in lines if line] + [_anchors(links)]
    written = [line for line in lines if line] + [f"{name}: {url}" for name, url in links]
    return "<br />".join(line for line in shown if line), "\n".join(written)


def legal_line(sender: CompanyFacts, country: str, locale: str) -> str:
    """Name, address and register entries in one line, as a landing page prints them."""
    parts = (_identity(sender, locale), _registration(sender, country, _language(locale)))
    return " · ".join(filter(None, parts))


def _language(locale: str) -> str:
    language = "en" if locale in PSEUDO else locale.split("-")[0]
    if language not in LABELS:
        raise Invalid(
            _(
                "The legal footer is not written in %(locale)s yet. Send in one of: %(known)s.",
                locale=locale,
                known=", ".join(LABELS),
            ),
            field="locale",
        )
    return language


def _identity(sender: CompanyFacts, locale: str) -> str:
    name = sender.legal_name
    form = str(sender.legal.get("legal_form", ""))
    if form and form.casefold() not in name.casefold():
        name = f"{name} ({form})"
    return one_line((name, *sender.address_lines), locale)


def _registration(sender: CompanyFacts, country: str, language: str) -> str:
    """The contact and whatever else of the asked fields the sender has, each with its label."""
    labels = LABELS[language]
    asked = [key for key in fields_for(sender.country, country) if key in labels]
    shown = dict.fromkeys([key for key in ("email", "phone") if value_of(sender, key)] + asked)
    return " · ".join(
        f"{labels[key]}: {_isolated(language, value_of(sender, key))}"
        for key in shown
        if value_of(sender, key)
    )


def _isolated(language: str, value: str) -> str:
    """In a right-to-left line numbers and addresses keep their direction (LRI … PDI)."""
    return f"\u2066{value}\u2069" if direction(language) == "rtl" and value.isascii() else value


def _named(language: str, name: str) -> str:
    """A name in another script takes its full stop with it (FSI … PDI)."""
    return f"\u2068{name}\u2069" if direction(language) == "rtl" else name


def _sentences(sender: CompanyFacts, vendor: VendorFacts, country: str, language: str) -> list[str]:
    words = SENTENCES[language]
    names = {
        "partner": _named(language, sender.legal_name),
        "vendor": _named(language, vendor.company.legal_name),
    }
    wanted = ["why", "role"]
    if {country, sender.country} & _ADVERTISEMENT:
        wanted.insert(0, "advertisement")
    return [words[key] % names for key in wanted]


def _links(privacy_url: str, imprint_url: str, language: str) -> list[tuple[str, str]]:
    words = SENTENCES[language]
    pairs = ((words["privacy"], privacy_url), (words["imprint"], imprint_url))
    return [(name, url) for name, url in pairs if url]


def _anchors(links: list[tuple[str, str]]) -> str:
    return " · ".join(
        f'<a href="{escape(url)}" style="color:inherit">{escape(name)}</a>' for name, url in links
    )
