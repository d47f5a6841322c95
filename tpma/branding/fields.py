"""Values of a brand profile in the one form we keep: telephone numbers, addresses, colours."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import e164, email_address, one_line

_HEX = re.compile(r"#?([0-9A-Fa-f]{6})")
# Country codes of two digits; 1 and 7 stand alone, all others have three (ITU-T E.164, Annex).
_TWO_DIGITS = frozenset(
    str(code)
    for code in (
        20,
        27,
        *range(30, 35),
        36,
        39,
        40,
        41,
        *range(43, 50),
        *range(51, 59),
        *range(60, 67),
        81,
        82,
        84,
        86,
        *range(90, 96),
        98,
    )
)


def colour(text: str, field: str) -> str:
    """`#RRGGBB` in capitals, or "" for nothing."""
    value = text.strip()
    if not value:
        return ""
    found = _HEX.fullmatch(value)
    if found is None:
        raise Invalid(_("Write the colour as # and six digits, for example #0057B8."), field=field)
    return "#" + found[1].upper()


def shown_phone(number: str) -> str:
    """E.164 as people read it: the country's code, groups of three, at last up to four.

    Area codes differ in length from town to town, so none is set apart.
    """
    if not number or e164(number) != number:
        return number
    length = 1 if number[1] in "17" else 2 if number[1:3] in _TWO_DIGITS else 3
    groups, rest = [number[: 1 + length]], number[1 + length :]
    while len(rest) > 4:
        groups.append(rest[:3])
        rest = rest[3:]
    return " ".join([*groups, rest]).strip()


def web_address(text: str, field: str) -> str:
    """An https address of a public host, or "" for nothing. "www.x.example" gets its https."""
    value = one_line(text, 300, field)
    if not value:
        return ""
    if "://" not in value:
        value = f"https://{value}"
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        known = parts.port in {None, 443}
    except ValueError:
        raise _no_address(field) from None
    if parts.scheme != "https":
        raise Invalid(_("Use an address that starts with https://."), field=field)
    if parts.username or parts.password or not known or not _public(host) or " " in value:
        raise _no_address(field)
    return value


def _no_address(field: str) -> Invalid:
    return Invalid(
        _("That is no public web address. Enter one like https://harborpoint.example/privacy."),
        field=field,
    )


def _public(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return False
    try:
        plain = idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return False
    return "." in plain and not plain.endswith((".local", ".localhost", ".internal"))


def mail(text: str, field: str) -> str:
    """An address as people read it, or "" for nothing."""
    if not text.strip():
        return ""
    one_line(text, 254, field)
    try:
        return email_address(text).shown
    except Invalid as error:
        raise Invalid(error.message, field=field) from error


def sender_name(text: str, field: str) -> str:
    """What stands before the address in an inbox. One line, and nothing that reads as one."""
    value = one_line(text, 70, field)
    if any(sign in value for sign in '<>@"'):
        raise Invalid(
            _(
                "Write the name alone, without @, quotes or brackets. Readers see it before the "
                "address."
            ),
            field=field,
        )
    return value
