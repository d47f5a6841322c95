"""Countries, languages, time zones and currencies people choose from: CLDR and IANA data."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_territory_currencies, list_currencies

from tpma.core.errors import Invalid
from tpma.core.i18n import PSEUDO, babel_locale
from tpma.core.i18n import gettext as _

COUNTRIES: frozenset[str] = frozenset(get_global("territory_zones")) - {"001", "ZZ"}  # ISO 3166-1

# Languages a company can name as its own; the interface shows itself in the nearest it has.
_OFFERED = """
en-US en-GB en-AU en-CA en-IN ar-AE ar-SA cs-CZ da-DK de-DE de-AT de-CH el-GR es-ES es-MX fi-FI
fr-FR fr-CA fr-CH he-IL hi-IN hu-HU id-ID it-IT ja-JP ko-KR nb-NO nl-NL nl-BE pl-PL pt-BR pt-PT
ro-RO sv-SE th-TH tr-TR uk-UA vi-VN zh-CN zh-TW
"""
LANGUAGES: tuple[str, ...] = tuple(_OFFERED.split())

Choice = tuple[str, str]
"""(value, what the reader sees)"""


def countries() -> list[Choice]:
    """Every country by its name in the reader's language, in the order of these names."""
    names = babel_locale().territories
    return _by_name((code, names.get(code, code)) for code in COUNTRIES)


def languages(*others: str) -> list[Choice]:
    """Each language in its own words; `others` are offered too, being someone's choice now."""
    tags = dict.fromkeys([*LANGUAGES, *(tag for tag in others if tag)])
    return _by_name((tag, own_name(tag)) for tag in tags)


def language_of(country: str, otherwise: str = "en-US") -> str:
    """The first offered language of a country: a guess to confirm, not a statement."""
    return next((tag for tag in LANGUAGES if tag.endswith(f"-{country}")), otherwise)


def own_name(tag: str) -> str:
    """A language as its speakers write it: "Deutsch (Deutschland)"."""
    if tag in PSEUDO:
        return tag
    found = str(babel_locale(tag).get_display_name() or tag)
    return found[:1].upper() + found[1:]


def country_name(code: str) -> str:
    return str(babel_locale().territories.get(code, code))


@lru_cache(maxsize=1)
def zones() -> list[str]:
    """IANA zones of a place ("Europe/Berlin"), and UTC."""
    places = (zone for zone in available_timezones() if "/" in zone)
    return ["UTC", *sorted(z for z in places if not z.startswith(("Etc/", "posix/", "right/")))]


def zone_of(country: str, otherwise: str = "UTC") -> str:
    """The zone of a country that has one; `otherwise` where the person has to choose."""
    found = get_global("territory_zones").get(country, [])
    return str(found[0]) if len(found) == 1 else otherwise


def currency_of(country: str) -> str:
    """ISO 4217 code of the currency in use there; USD where CLDR knows none."""
    found = get_territory_currencies(country)
    return str(found[0]) if found else "USD"


def country(code: str, field: str = "country") -> str:
    if code not in COUNTRIES:
        raise Invalid(_("Choose a country from the list."), field=field)
    return code


def language(tag: str, field: str = "locale") -> str:
    """A BCP 47 tag CLDR knows. Raises Invalid."""
    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError) as error:
        if tag not in PSEUDO:
            raise Invalid(_("Choose a language from the list."), field=field) from error
    return tag


def timezone(name: str, field: str = "timezone") -> str:
    if name not in available_timezones():
        raise Invalid(_("Choose a time zone, for example Europe/Berlin."), field=field)
    return name


def currency(code: str, field: str = "base_currency") -> str:
    if code not in list_currencies():
        raise Invalid(_("Enter a currency by its code, for example EUR."), field=field)
    return code


def _by_name(choices: Iterable[Choice]) -> list[Choice]:
    return sorted(choices, key=lambda choice: _plain(choice[1]))


def _plain(name: str) -> str:
    """Without accents and case, so that Österreich stands beside Oman, not after Zypern."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))
