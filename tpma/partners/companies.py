"""A company as somebody types it in, checked field by field into the columns we keep."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext
from tpma.core.i18n import gettext as _
from tpma.core.text import email_address, one_line, phone_number
from tpma.identity import places
from tpma.rendering import footer

LEGAL_FIELDS: tuple[str, ...] = tuple(
    key for key in footer.NAMES if key not in ("legal_name", "address", "contact", "email", "phone")
)
_LENGTHS = {
    "address_line1": 200,
    "address_line2": 200,
    "city": 100,
    "region": 100,
    "postal_code": 20,
}


@dataclass(frozen=True, slots=True)
class Company:
    """What an invitation carries, so that the partner has nothing of it to type again."""

    legal_name: str
    country: str  # ISO 3166-1
    trading_name: str = ""
    default_locale: str = "en"  # BCP 47
    address_line1: str = ""
    address_line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    website: str = ""
    email: str = ""
    phone: str = ""
    legal: dict[str, str] = field(default_factory=dict)  # keys of LEGAL_FIELDS


def columns(company: Company) -> dict[str, Any]:
    """The checked values, by column of Organisation. Raises Invalid with the field."""
    lines = {
        name: one_line(getattr(company, name), longest, name) for name, longest in _LENGTHS.items()
    }
    return lines | {
        "legal_name": company.legal_name,
        "trading_name": company.trading_name,
        "country": places.country(company.country),
        "default_locale": company.default_locale,
        "website": web_address(company.website, "website"),
        "email": email_address(company.email).shown if company.email.strip() else "",
        "phone": phone_number(company.phone, "phone"),
        "legal": legal_values(company.legal),
    }


def legal_values(given: dict[str, str]) -> dict[str, str]:
    """Only the keys a footer knows, only where something is filled in."""
    cleaned = {key: one_line(given.get(key, ""), 200, f"legal_{key}") for key in LEGAL_FIELDS}
    return {key: value for key, value in cleaned.items() if value}


def legal_fields_of(country: str) -> list[tuple[str, str, bool]]:
    """(key, label, asked by the law of the country) of every legal field, the asked ones first."""
    asked = footer.FIELDS.get(country, footer.OTHER)
    fields = [(key, gettext(footer.NAMES[key]), key in asked) for key in LEGAL_FIELDS]
    return sorted(fields, key=lambda field: not field[2])


def web_address(text: str, field: str) -> str:
    """An http or https address; https:// is put before a bare host. Empty stays empty."""
    typed = one_line(text, 290, field)
    if not typed:
        return ""
    address = typed if "://" in typed else f"https://{typed}"
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or "." not in host or " " in address:
        raise Invalid(
            _("Write a web address, for example https://harborpoint.example."), field=field
        )
    return address


def codes(text: str, field: str = "territories") -> list[str]:
    """Countries as typed: "DE, AT CH". Raises Invalid that names the first unknown one."""
    found = dict.fromkeys(re.split(r"[\s,;]+", text.strip().upper()))
    found.pop("", None)
    for code in found:
        if code not in places.COUNTRIES:
            raise Invalid(
                _(
                    "%(code)s is no country code. Write two letters each, for example DE, AT.",
                    code=code[:10],
                ),
                field=field,
            )
    return list(found)


def families(text: str, field: str = "product_families") -> list[str]:
    """Product families as typed, parted by commas."""
    typed = one_line(text, 500, field)
    return list(dict.fromkeys(part.strip() for part in typed.split(",") if part.strip()))
