"""What people type, in the one form we keep: addresses, names, one-line texts."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email
from publicsuffixlist import PublicSuffixList

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

_SUFFIXES = PublicSuffixList()
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PHONE_SIGNS = re.compile(r"\(0\)|[\s().\-/\u00a0\u202f\u2010-\u2015]")
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")

# Mail providers anybody can have an address at: such a domain says nothing of a company.
FREE_MAIL = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "yahoo.com",
        "yahoo.co.jp",
        "ymail.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "aol.com",
        "gmx.de",
        "gmx.net",
        "gmx.at",
        "gmx.ch",
        "web.de",
        "t-online.de",
        "freenet.de",
        "mail.ru",
        "yandex.ru",
        "proton.me",
        "protonmail.com",
        "pm.me",
        "qq.com",
        "163.com",
        "126.com",
        "orange.fr",
        "free.fr",
        "laposte.net",
        "libero.it",
        "docomo.ne.jp",
        "ezweb.ne.jp",
    ]
)


@dataclass(frozen=True, slots=True)
class Address:
    """`shown` keeps the local part as written; `norm` is what uniqueness is decided by."""

    shown: str
    norm: str
    domain: str


def email_address(text: str) -> Address:
    """Trim, NFC, IDNA domain; the local part is case-folded in `norm` only.

    Raises Invalid if it is no address, or one Amazon SES could not take (non-ASCII local part).
    """
    cleaned = unicodedata.normalize("NFC", text.strip())
    try:
        found = validate_email(
            cleaned, check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError as error:
        raise Invalid(_email_fault(cleaned), field="email") from error
    domain = found.ascii_domain.lower()
    local = found.local_part
    return Address(f"{local}@{domain}", f"{local.casefold()}@{domain}", domain)


def _email_fault(text: str) -> str:
    if not text:
        return _("Enter an e-mail address, for example ada@harborpoint.example.")
    if "@" not in text:
        return _("The @ is missing, for example ada@harborpoint.example.")
    if "." not in text.rsplit("@", 1)[1]:
        return _("Add the ending, for example harborpoint.example.")
    return _(
        "That is not an e-mail address we can write to. Enter one like ada@harborpoint.example."
    )


def mail_domain(text: str) -> str:
    """A host as it stands in normalised addresses. Raises Invalid for what is none."""
    host = text.strip().rstrip(".").lower()
    try:
        plain = idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise Invalid(
            _("That is no mail domain. Enter one like harborpoint.example."), field="domain"
        ) from error
    if "." not in plain or len(plain) > 253:
        raise Invalid(_("Add the ending, for example harborpoint.example."), field="domain")
    return plain


def is_public_suffix(host: str) -> bool:
    """Whether companies register their names under this host (co.uk), so that it is nobody's."""
    return _SUFFIXES.privatesuffix(host) is None


def is_free_mail(host: str) -> bool:
    return _SUFFIXES.privatesuffix(host) in FREE_MAIL


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str | None:
    """The part of a host a company registers (Public Suffix List), or None for free mail."""
    try:
        plain = idna.encode(host.strip().rstrip(".").lower(), uts46=True).decode()
    except idna.IDNAError:
        return None
    found = _SUFFIXES.privatesuffix(plain)
    if found is None or found in FREE_MAIL:
        return None
    return str(found)


def one_line(text: str, longest: int, field: str) -> str:
    """Trimmed, NFC, without control characters or line breaks.

    Raises Invalid on a line break (it could open a new header) or when longer than `longest`.
    """
    cleaned = unicodedata.normalize("NFC", text).strip()
    if "\n" in cleaned or "\r" in cleaned or _CONTROLS.search(cleaned):
        raise Invalid(_("Write this on one line, without control characters."), field=field)
    if len(cleaned) > longest:
        raise Invalid(
            _("Use at most %(most)s characters; this has %(now)s.", most=longest, now=len(cleaned)),
            field=field,
        )
    return cleaned


def lines(text: str, longest: int, field: str) -> str:
    """As `one_line`, but line breaks stay (as \\n)."""
    cleaned = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if _CONTROLS.search(cleaned):
        raise Invalid(_("Take the control characters out of this text."), field=field)
    if len(cleaned) > longest:
        raise Invalid(
            _("Use at most %(most)s characters; this has %(now)s.", most=longest, now=len(cleaned)),
            field=field,
        )
    return cleaned


def e164(text: str) -> str:
    """ "+4989123456" where the text is a telephone number that says its country, else ""."""
    number = _PHONE_SIGNS.sub("", text).translate(_DIGITS)
    number = "+" + number[2:] if number.startswith("00") else number
    return number if _E164.fullmatch(number) else ""


def phone_number(text: str, field: str) -> str:
    """As `e164`; nothing typed stays nothing. Raises Invalid for what is no whole number."""
    typed = one_line(text, 60, field)
    number = e164(typed)
    if number or not typed:
        return number
    if not typed.startswith(("+", "00")):
        raise Invalid(_("Start with + and the country, for example +49 221 5550100."), field=field)
    raise Invalid(
        _("A telephone number has 7 to 15 digits, for example +49 221 5550100."), field=field
    )


def slug(text: str) -> str:
    """Lower-case ASCII letters, digits and hyphens, at most 40; may be empty."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:40].rstrip("-")
