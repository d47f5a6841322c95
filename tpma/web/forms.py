"""What a form sent, read carefully; and the same form again with each fault at its field.

A door reads values, calls a service, and catches Invalid:

    faults = Faults()
    try:
        with system().db.transaction() as session:
            service.save(session, name=text("name", 120))
    except Invalid as error:
        faults.add(error)
    if faults: return render("…", values=request.form, faults=faults), 422
"""

from datetime import date, datetime
from decimal import Decimal
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.numbers import NumberFormatError, parse_decimal
from flask import request

from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import babel_locale
from tpma.core.i18n import gettext as _
from tpma.core.money import Money, digits, from_major
from tpma.core.text import lines, one_line


class Faults(dict[str, str]):
    """Field → what is wrong and what to enter. "" is the form as a whole."""

    def add(self, error: Invalid) -> None:
        self[error.field or ""] = error.message


def text(name: str, longest: int, *, required: bool = False) -> str:
    """One line. Raises Invalid(field=name)."""
    value = one_line(request.form.get(name, ""), longest, name)
    if required and not value:
        raise Invalid(_("Fill this in."), field=name)
    return value


def paragraph(name: str, longest: int) -> str:
    return lines(request.form.get(name, ""), longest, name)


def whole(name: str, *, least: int = 0, most: int = 10**9) -> int:
    """A whole number in the reader's notation; empty is 0."""
    raw = request.form.get(name, "").strip()
    value = _parsed(raw) if raw else Decimal(0)
    if value is None or value != value.to_integral_value():
        raise Invalid(_("Enter a whole number, for example 20."), field=name)
    if not least <= value <= most:
        raise Invalid(
            _("Enter a number from %(least)s to %(most)s.", least=least, most=most), field=name
        )
    return int(value)


def _parsed(raw: str) -> Decimal | None:
    """A finite number in the reader's notation, or None. Misplaced group signs are no number:
    "4,000.00" in a German form would else be read as 4."""
    plain = raw.replace("\u00a0", "").replace("\u202f", "")
    try:
        value = parse_decimal(plain, locale=babel_locale(), strict=True)
    except (NumberFormatError, ValueError):
        return None
    return value if value.is_finite() else None


def _places(value: Decimal) -> int:
    """Digits after the separator, as typed: trailing zeros count."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def amount(name: str, currency: str) -> Money:
    """Money in the reader's notation ("4.000,00" in German); empty is nothing."""
    raw = request.form.get(name, "").strip()
    value = _parsed(raw) if raw else Decimal(0)
    if value is None:
        raise Invalid(
            _("Enter an amount in %(currency)s, for example 4000.", currency=currency), field=name
        )
    if not Decimal(0) <= value <= Decimal(10**12):
        raise Invalid(_("Enter an amount from 0 to 1,000,000,000,000."), field=name)
    if _places(value) > digits(currency):
        # "4.000" in an English form is a German's four thousand.
        raise Invalid(
            _("%(currency)s has fewer digits after the separator.", currency=currency), field=name
        )
    return from_major(value, currency)


def day(name: str) -> date | None:
    raw = request.form.get(name, "").strip()
    if not raw:
        return None
    try:
        value = date.fromisoformat(raw)
    except ValueError as error:
        raise Invalid(_("Enter a date, for example 2026-12-31."), field=name) from error
    _near_our_time(value, name)
    return value


def local_moment(name: str, zone: str) -> datetime | None:
    """A date and time as typed, understood in the IANA zone `zone`."""
    raw = request.form.get(name, "").strip()
    if not raw:
        return None
    try:
        naive = datetime.fromisoformat(raw)
    except ValueError as error:
        raise Invalid(_("Enter a date and a time."), field=name) from error
    _near_our_time(naive, name)
    return naive if naive.tzinfo else naive.replace(tzinfo=ZoneInfo(zone))


def _near_our_time(value: date, name: str) -> None:
    """A slip of the keyboard (the year 0206) is told; such dates also leave UTC's range."""
    if not 1990 <= value.year <= 2199:
        raise Invalid(_("Check the year; it should be near our time."), field=name)


def choice(name: str, allowed: list[str] | tuple[str, ...], default: str = "") -> str:
    """One of the offered values. Raises Invalid for anything else."""
    value = request.form.get(name, default)
    if value not in allowed:
        raise Invalid(_("Choose one of the options."), field=name)
    return value


def asked(name: str, longest: int = 100) -> str:
    """What a filter in the address says, without control characters no database would take."""
    raw = request.args.get(name, "")[:longest]
    return "".join(c for c in raw if c.isprintable()).strip()


def asked_number(name: str) -> int | None:
    """A row number in the address, to go on from; None for what no row can have."""
    value = request.args.get(name, type=int)
    return value if value is not None and 0 <= value < 2**63 else None


def identifier(name: str) -> UUID | None:
    """The id a hidden field carries; None if empty. Raises NotFound for what is no id."""
    raw = request.form.get(name, "")
    try:
        return UUID(raw) if raw else None
    except ValueError as error:
        raise NotFound(_("There is nothing here.")) from error


def identifiers(name: str) -> list[UUID]:
    """The ids of what was ticked. Raises NotFound for what is no id."""
    try:
        return [UUID(raw) for raw in request.form.getlist(name)]
    except ValueError as error:
        raise NotFound(_("There is nothing here.")) from error


def safe_next(target: str | None, otherwise: str) -> str:
    """A path of this site to go back to, never an address of another."""
    if not target or "\\" in target or any(ord(c) < 32 for c in target):
        return otherwise
    parts = urlsplit(target)
    ours = not parts.scheme and not parts.netloc and target.startswith("/")
    return target if ours and not target.startswith("//") else otherwise
