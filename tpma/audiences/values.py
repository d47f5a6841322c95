"""What a cell says, in the form we keep: countries, languages, names, phone numbers, tags."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from babel import Locale
from babel.core import get_global

from tpma.audiences.columns import plain
from tpma.audiences.wordlists import table, words
from tpma.core.errors import Invalid
from tpma.core.i18n import babel_locale
from tpma.core.text import e164
from tpma.localization.rules import canonical

# Languages whose names of countries and languages we understand; the first wins.
_UNDERSTOOD = ("en", "de", "fr", "es", "pt", "it", "nl", "ja", "ar", "zh", "ko", "pl", "tr", "cs")
_PARTICLES = words("names", "particles")
_HONORIFICS = words("names", "honorifics")
_NO_COUNTRIES = {"ZZ", "EU", "EZ", "UN", "QO", "XA", "XB"}  # two-letter codes CLDR has beside them
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af々〆ヶ\s]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200b\ufeff]+")
MOST_TAGS = 20
TAG_LENGTH = 40


def cleaned(cell: str) -> str:
    """Trimmed, NFC, on one line, without control characters."""
    if cell.isascii() and cell.isprintable():
        return cell.strip()
    return " ".join(_CONTROLS.sub(" ", unicodedata.normalize("NFC", cell)).split())


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Name or code of a country → ISO 3166-1. Our own spellings win over CLDR's."""
    codes = {str(code) for code in Locale("en").territories} - _NO_COUNTRIES
    codes = {code for code in codes if len(code) == 2 and code.isalpha()}
    found: dict[str, str] = {}
    for language in reversed(_UNDERSTOOD):
        for code, name in Locale(language).territories.items():
            if code in codes:
                found[plain(name)] = code
    for old, today in get_global("territory_aliases").items():  # USA, 840
        if len(today) == 1 and today[0] in codes:
            found[str(old).casefold()] = today[0]
    found.update({code.casefold(): code for code in codes})
    found.update({plain(name): code for code, own in table("countries").items() for name in own})
    return found


@lru_cache(maxsize=4096)
def country_code(text: str) -> str:
    """ISO 3166-1 of a code (2 or 3 letters, 3 digits) or of a name; "" if it is none."""
    return _countries().get(plain(text), "")


@lru_cache(maxsize=1)
def _languages() -> dict[str, str]:
    found: dict[str, str] = {}
    for language in reversed(_UNDERSTOOD):
        for code, name in Locale(language).languages.items():
            found[plain(name)] = code.replace("_", "-")
    return found


@lru_cache(maxsize=4096)
def language_tag(text: str) -> str:
    """BCP 47 of a tag (de, pt_BR) or of a language's name (German, Deutsch); "" if it is none."""
    named = _languages().get(plain(text))
    if named:
        return canonical(named)
    try:
        tag = canonical(text)
    except Invalid:
        return ""
    return tag if tag.split("-")[0] in Locale("en").languages else ""


def country_name(code: str) -> str:
    """In the reader's language; a code without a name is itself."""
    return str(babel_locale().territories.get(code, code))


def language_name(tag: str) -> str:
    """In the reader's language: German, Portuguese (Brazil)."""
    return str(babel_locale(tag).get_display_name(babel_locale()) or tag) if tag else ""


def split_name(text: str) -> tuple[str, str]:
    """(given, family) of a whole name: “Ada Lovelace”, “Lovelace, Ada”, “山田 太郎”."""
    if "," in text:
        family, _comma, given = text.partition(",")
        return given.strip(), family.strip()
    parts = text.split()
    while len(parts) > 1 and parts[0].rstrip(".").casefold() in _HONORIFICS:
        parts = parts[1:]
    if len(parts) < 2:
        return " ".join(parts), ""
    if _EAST_ASIAN.fullmatch(text):
        return " ".join(parts[1:]), parts[0]
    cut = len(parts) - 1
    while cut > 1 and parts[cut - 1].casefold() in _PARTICLES:
        cut -= 1
    return " ".join(parts[:cut]), " ".join(parts[cut:])


def phone_number(text: str) -> str:
    """E.164 where the number says its country (+49 30 …, 0049 30 …), else as it was written."""
    return e164(text) or text


def tags_of(text: str) -> list[str]:
    """The tags in a cell, parted by commas, semicolons or bars; each once, in lower case."""
    return list(dict.fromkeys(_tags(text)))[:MOST_TAGS]


def _tags(text: str) -> Iterator[str]:
    for part in re.split(r"[,;|、،]|:::", text):
        tag = part.strip().lstrip("*#").strip().casefold()
        if tag:
            yield tag[:TAG_LENGTH].strip()
