"""The interface's own strings, numbers and dates in the reader's language.

Kits have catalogs of their own (`tpma.localization`); this is for pages, mails of the
platform, errors and reports. The locale is a context variable, so services, jobs and the
command line speak the same language as the page that called them.
"""

import gettext as _gettext
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.core import negotiate_locale
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_time,
    format_timedelta,
    get_day_names,
)
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import Translations

from tpma.core.money import Money
from tpma.core.paths import locales_folder

DOMAIN = "tpma"
SHIPPED = ("en", "de")
PSEUDO = ("en-XA", "ar-XB")  # for looking at pages: accented and long, and mirrored

_locale: ContextVar[str] = ContextVar("tpma_locale", default="en")
_zone: ContextVar[str] = ContextVar("tpma_zone", default="UTC")


def current_tag() -> str:
    """The BCP 47 tag strings are shown in now, for example "de"."""
    return _locale.get()


def current_zone() -> ZoneInfo:
    return ZoneInfo(_zone.get())


@contextmanager
def speaking(tag: str, zone: str = "UTC") -> Iterator[None]:
    """Show strings in `tag` and times in the IANA zone `zone` inside the block."""
    locale_token, zone_token = _locale.set(tag), _zone.set(zone)
    try:
        yield
    finally:
        _locale.reset(locale_token)
        _zone.reset(zone_token)


def babel_locale(tag: str | None = None) -> Locale:
    """CLDR data for a tag; a pseudo-locale borrows that of its base language."""
    wanted = tag or current_tag()
    if wanted in PSEUDO:
        wanted = wanted.split("-")[0]
    try:
        return Locale.parse(wanted, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def direction(tag: str | None = None) -> str:
    """ltr or rtl."""
    return str(babel_locale(tag).text_direction)


def best_match(wanted: list[str], shipped: tuple[str, ...] = SHIPPED) -> str | None:
    """The shipped tag that serves the first wanted one it can, siblings of a language included."""
    return next((found for tag in wanted if (found := _served(tag, shipped))), None)


def _served(tag: str, shipped: tuple[str, ...]) -> str | None:
    own = {tag.replace("-", "_").lower(): tag for tag in reversed(shipped)}
    found = negotiate_locale([tag.replace("-", "_").lower()], list(own))
    if found:
        return own[str(found).lower()]
    language = tag.replace("_", "-").split("-")[0].lower()
    return next((sibling for sibling in shipped if sibling.split("-")[0] == language), None)


@lru_cache(maxsize=16)
def _catalog(tag: str) -> _gettext.NullTranslations:
    """A catalog compiled in memory, so that no build step stands between a .po and a page."""
    path = locales_folder() / tag.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not path.exists():
        return _gettext.NullTranslations()
    return _compiled(path)


def _compiled(path: Path) -> Translations:
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source))
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def gettext(message: str, **values: Any) -> str:
    """The message in the current language, `%(name)s` filled from `values`."""
    text = _pseudo(_catalog(current_tag()).gettext(message))
    return text % values if values else text


def plural(one: str, many: str, number: int) -> str:
    """The form for this number with its placeholders still in it (templates fill them)."""
    return _pseudo(_catalog(current_tag()).ngettext(one, many, number))


def ngettext(one: str, many: str, number: int, **values: Any) -> str:
    """As `gettext`, with the number as %(num)s."""
    return plural(one, many, number) % ({"num": number} | values)


def pgettext(context: str, message: str, **values: Any) -> str:
    text = _pseudo(_catalog(current_tag()).pgettext(context, message))
    return text % values if values else text


def lazy(message: str) -> str:
    """Mark a string for the catalogs where it cannot be translated yet (tables, enums)."""
    return message


_ = gettext

_ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")  # the vowels, as kits do (domain vector T-78)


def _pseudo(text: str) -> str:
    tag = current_tag()
    if tag == "en-XA":
        return pseudo_accented(text)
    if tag == "ar-XB":
        return pseudo_mirrored(text)
    return text


def pseudo_accented(text: str) -> str:
    """en-XA: accents, about 35 % longer, in brackets; placeholders untouched."""
    parts = _split_placeholders(text)
    body = "".join(part.translate(_ACCENTS) if even else part for even, part in parts)
    return f"[{body} {'·' * max(1, round(len(text) * 0.35))}]"


def pseudo_mirrored(text: str) -> str:
    """ar-XB: every run of words between U+202E and U+202C, placeholders untouched."""
    parts = _split_placeholders(text)
    return "".join(f"\u202e{part}\u202c" if even and part else part for even, part in parts)


def _split_placeholders(text: str) -> list[tuple[bool, str]]:
    pieces = re.split(r"(%\(\w+\)[sd]|%%|<[^>]*>)", text)
    return [(index % 2 == 0, piece) for index, piece in enumerate(pieces)]


_STYLES = ("short", "medium", "long", "full")


def day(value: date | datetime, style: str = "medium") -> str:
    """A date by CLDR; `style` is one of its four, or a skeleton such as "MMMMd" (3. Dezember)."""
    local = value.astimezone(current_zone()) if isinstance(value, datetime) else value
    if style in _STYLES:
        return str(format_date(local, style, locale=babel_locale()))
    noon = datetime(local.year, local.month, local.day, 12, tzinfo=UTC)
    return str(format_skeleton(style, noon, tzinfo=UTC, locale=babel_locale()))


def moment(value: datetime, style: str = "medium") -> str:
    return str(format_datetime(value, style, tzinfo=current_zone(), locale=babel_locale()))


def clock_time(value: datetime) -> str:
    return str(format_time(value, "short", tzinfo=current_zone(), locale=babel_locale()))


def weekday_names() -> list[tuple[str, str]]:
    """ISO weekday ("1" is Monday) and its short name, the week's order."""
    names = get_day_names("abbreviated", locale=babel_locale())
    return [(str(day + 1), str(names[day])) for day in range(7)]


def ago(value: datetime, now: datetime) -> str:
    return str(format_timedelta(value - now, add_direction=True, locale=babel_locale()))


def number(value: int | Decimal | float) -> str:
    return str(format_decimal(value, locale=babel_locale()))


def points(value: float) -> str:
    """Percentage points more or less, of a share of 1: signed, with one decimal."""
    return str(format_decimal(100 * value, format="+0.0;-0.0", locale=babel_locale()))


def percent(value: Decimal | float, places: int = 1) -> str:
    locale = babel_locale()
    digits = "##0" + ("." + "0" * places if places else "")
    pattern = locale.percent_formats[None].pattern.replace("##0", digits)
    return str(format_percent(value, format=pattern, locale=locale))


def money(value: Money, *, cents: bool = True) -> str:
    """An amount by CLDR; `cents=False` leaves the minor digits out, for overviews."""
    locale = babel_locale()
    pattern = locale.currency_formats["standard"].pattern
    if not cents:
        pattern = pattern.replace(".00", "")
    return str(
        format_currency(
            value.major(), value.currency, pattern, locale=locale, currency_digits=cents
        )
    )


def language_name(tag: str) -> str:
    """A language as this reader calls it; the tag itself if CLDR does not know it."""
    try:
        return str(Locale.parse(tag, sep="-").get_display_name(babel_locale()) or tag)
    except (UnknownLocaleError, ValueError):
        return tag


def country_name(code: str) -> str:
    """A country (ISO 3166-1) as this reader calls it; the code itself if CLDR does not know it."""
    return str(babel_locale().territories.get(code, code))
