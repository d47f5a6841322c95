"""May we write to this person? And what a segment and a recipient's language are. Pure."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from tpma.audiences.models import (
    ConsentBasis,
    ConsentState,
    SuppressionReason,
    SuppressionScope,
)
from tpma.audiences.values import MOST_TAGS, TAG_LENGTH, country_code
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.core.text import one_line
from tpma.localization import packs
from tpma.localization.packs import ConsentLaw
from tpma.localization.rules import canonical


class Held(StrEnum):
    """Why a person is not written to; also the reason a message is skipped for."""

    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"  # nobody wrote down why we may
    UNCONFIRMED = "unconfirmed"  # asked, and no answer yet
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    NOT_LAWFUL = "not_lawful"  # the basis does not carry marketing mail in their country
    VENDOR_LIST = "vendor_list"  # the vendor's own list, which a partner sees only as a count
    NOT_OPTED_IN = "not_opted_in"  # there is a basis, but only who signed up is written to


# Where a legitimate interest alone does not carry marketing mail to a person.
OPT_IN_COUNTRIES = frozenset(
    country
    for country, pack in packs.newest().items()
    if ConsentBasis.LEGITIMATE_INTEREST not in pack.consent.bases
)
FEWEST = 5
"""A count across the wall between partner and vendor speaks of at least so many people."""


def told(own: int, vendors: int) -> tuple[int, int]:
    """What a partner is told of people on the lists it keeps, and on its vendor's.

    Fewer than five on the vendor's list are added to the others, so that asking for an audience
    of one does not tell who is on it, nor does subtracting.
    """
    return (own, vendors) if vendors >= FEWEST else (own + vendors, 0)


def covers(domain: str, subdomains: bool, host: str) -> bool:
    """Whether a suppressed domain holds for a mail host; `tpma.audiences.queries` says the same
    in SQL."""
    return host == domain or (subdomains and host.endswith(f".{domain}"))


def is_lawful(basis: ConsentBasis, country: str) -> bool:
    """Whether a basis carries marketing mail to people of a country (ISO 3166-1)."""
    return basis is not ConsentBasis.LEGITIMATE_INTEREST or country not in OPT_IN_COUNTRIES


def may_mail(
    state: ConsentState | None,
    basis: ConsentBasis | None,
    suppressed: bool,
    country: str = "",
) -> Held | None:
    """None if we may write; else the first reason not to.

    `state` and `basis` are those of the newest consent row for the purpose, None without one.
    `tpma.audiences.queries.lawful` says the same in SQL.
    """
    if suppressed:
        return Held.SUPPRESSED
    if state is None or basis is None:
        return Held.NO_CONSENT
    if state is not ConsentState.GRANTED:
        return _STATES[state]
    return None if is_lawful(basis, country) else Held.NOT_LAWFUL


@dataclass(frozen=True, slots=True)
class Given:
    """The newest consent row of a person, as the law of a country looks at it."""

    basis: ConsentBasis
    confirmed: bool  # by double opt-in
    since: date  # the sign-up or the last purchase; of a form the day it was sent
    inquiry: bool = False  # they asked something and bought nothing


def law_fault(given: Given, law: ConsentLaw, today: date) -> str:
    """Which rule of the gate a basis fails under a law: CONS-01, -02, -03; "" if none.

    `tpma.audiences.queries.legal_problem` says the same in SQL.
    """
    if given.basis.value not in law.bases:
        return "CONS-01"
    if given.basis is ConsentBasis.SOFT_OPT_IN and not law.existing_customer:
        return "CONS-01"
    if given.basis is ConsentBasis.CONSENT and law.double_opt_in and not given.confirmed:
        return "CONS-02"
    months = implied_months(law, given.inquiry)
    if given.basis is ConsentBasis.SOFT_OPT_IN and months:
        return "CONS-03" if given.since < months_before(today, months) else ""
    return ""


def implied_months(law: ConsentLaw, inquiry: bool) -> int:
    """How long a purchase, or an inquiry, carries mail; 0 is for good."""
    return law.inquiry_months or law.purchase_months if inquiry else law.purchase_months


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or that month's last: 31 May − 3 is 28 February."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


_STATES = {
    ConsentState.PENDING_DOI: Held.UNCONFIRMED,
    ConsentState.WITHDRAWN: Held.WITHDRAWN,
    ConsentState.EXPIRED: Held.EXPIRED,
}

# What an importer may claim, as (basis, in their words, what it means).
IMPORT_BASES: tuple[tuple[ConsentBasis, str, str], ...] = (
    (
        ConsentBasis.SOFT_OPT_IN,
        lazy("They are customers and were told they can opt out"),
        lazy("Existing customers, similar products. Fine in most countries."),
    ),
    (
        ConsentBasis.CONSENT,
        lazy("They signed up for our news"),
        lazy("They agreed to hear from us, and we can show where and when."),
    ),
    (
        ConsentBasis.LEGITIMATE_INTEREST,
        lazy("We have a legitimate interest, weighed and written down"),
        lazy(
            "Carries no marketing mail to people in the EU, the United Kingdom, Switzerland, "
            "Canada or Australia: we hold those back."
        ),
    ),
)


def may_lift(
    reason: SuppressionReason,
    scope: SuppressionScope,
    owner: SuppressionScope = SuppressionScope.PARTNER,
) -> bool:
    """Whether a partner (or the `owner` given) may take an address off its list.

    Its own entries and a bounce whose cause is mended: yes. Who unsubscribed comes back only by
    confirming again; a complaint or an erasure never does.
    """
    own = scope is owner
    return own and reason in {SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE}


def recipient_language(contact: str, country_default: str, primary: str) -> str:
    """The tag a person is written to in: their own, else their country's in this launch, else
    the launch's first."""
    return contact or country_default or primary


@dataclass(frozen=True, slots=True)
class Definition:
    """A choice among contacts; an empty part means any, the parts are joined by and."""

    countries: tuple[str, ...] = ()  # ISO 3166-1
    locales: tuple[str, ...] = ()  # BCP 47; de includes de-AT
    tags: tuple[str, ...] = ()  # any of them

    @property
    def is_everybody(self) -> bool:
        return not (self.countries or self.locales or self.tags)

    def to_json(self) -> dict[str, list[str]]:
        return {
            "countries": list(self.countries),
            "locales": list(self.locales),
            "tags": list(self.tags),
        }


EVERYBODY = Definition()
_PARTS = {"countries", "locales", "tags"}
_MOST_VALUES = 100


def definition(raw: Mapping[str, Any]) -> Definition:
    """What a stored or posted segment means. Raises Invalid naming the part at fault."""
    unknown = set(raw) - _PARTS
    if unknown:
        raise Invalid(_("A segment has countries, languages and tags."), field=min(unknown))
    parts = {part: _values(raw.get(part, ()), part) for part in _PARTS}
    return Definition(
        tuple(dict.fromkeys(_country(value) for value in parts["countries"])),
        tuple(dict.fromkeys(canonical(value) for value in parts["locales"])),
        tuple(dict.fromkeys(_tag(value) for value in parts["tags"])),
    )


def _values(raw: Any, part: str) -> list[str]:
    if not isinstance(raw, list | tuple) or not all(isinstance(value, str) for value in raw):
        raise Invalid(_("Choose from the list."), field=part)
    filled = [value for value in raw if value.strip()]
    if len(filled) > _MOST_VALUES:
        raise Invalid(_("Choose at most %(most)s.", most=_MOST_VALUES), field=part)
    return filled


def _country(value: str) -> str:
    code = country_code(value)
    if not code:
        raise Invalid(_("“%(value)s” is no country we know.", value=value), field="countries")
    return code


def _tag(value: str) -> str:
    return one_line(value, TAG_LENGTH, "tags").casefold()


def import_tags(text: str) -> list[str]:
    """The tags typed for a whole list. Raises Invalid if one is too long or there are too many."""
    found = list(dict.fromkeys(_tag(part) for part in text.split(",") if part.strip()))
    if len(found) > MOST_TAGS:
        raise Invalid(_("Use at most %(most)s tags.", most=MOST_TAGS), field="tags")
    return found
