"""Who may use a kit, when, and why; and which of two versions is newer. Pure."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tpma.core.i18n import babel_locale, day, lazy
from tpma.core.i18n import gettext as _
from tpma.partners.models import PartnerType
from tpma.partners.rules import tier_words, type_words

_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)")

MARKS = (30, 7)
"""Days before the last one on which a kit's owners are told, once each."""

MOTION_WORDS = {
    "demand_gen": lazy("Demand"),
    "enablement": lazy("Enablement"),
    "thought_leadership": lazy("Thought leadership"),
    "nurture": lazy("Nurture"),
    "event": lazy("Event"),
    "recruit": lazy("Recruitment"),
}


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a vendor allows; an empty list restricts nothing. Dates are the vendor's own days."""

    tiers: Sequence[str] = ()
    types: Sequence[str] = ()
    allow: Sequence[str] = ()  # ISO 3166-1
    deny: Sequence[str] = ()
    embargo: date | None = None  # invisible before
    retires: date | None = None  # the last day


@dataclass(frozen=True, slots=True)
class Asking:
    """The partner as the rule knows it."""

    tier: str
    type: str
    country: str  # ISO 3166-1


@dataclass(frozen=True, slots=True)
class Reason:
    rule: str  # tier, type, country, embargo, retires
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    reasons: tuple[Reason, ...]

    @property
    def visible(self) -> bool:
        return all(reason.passed for reason in self.reasons)

    @property
    def refusals(self) -> tuple[Reason, ...]:
        return tuple(reason for reason in self.reasons if not reason.passed)


def visible(entitlement: Entitlement, asking: Asking, today: date) -> Verdict:
    """tier entitled ∧ type entitled ∧ country not denied and, where some are allowed, among
    them ∧ today within [embargo, retires]. Every part is explained."""
    rules: tuple[Callable[[Entitlement, Asking, date], Reason], ...] = (
        _tier,
        _type,
        _country,
        _embargo,
        _retires,
    )
    return Verdict(tuple(rule(entitlement, asking, today) for rule in rules))


def _tier(entitlement: Entitlement, asking: Asking, _today: date) -> Reason:
    passed = not entitlement.tiers or asking.tier in entitlement.tiers
    word = tier_words(asking.tier)
    if passed:
        return Reason("tier", True, _("Open to partners of the tier %(tier)s.", tier=word))
    tiers = ", ".join(tier_words(tier) for tier in entitlement.tiers)
    return Reason("tier", False, _("Only for partners of these tiers: %(tiers)s.", tiers=tiers))


def _type(entitlement: Entitlement, asking: Asking, _today: date) -> Reason:
    passed = not entitlement.types or asking.type in entitlement.types
    if passed:
        word = type_word(asking.type)
        return Reason("type", True, _("Made for your kind of company: %(type)s.", type=word))
    types = ", ".join(type_word(kind) for kind in entitlement.types)
    return Reason("type", False, _("Only for these kinds of partner: %(types)s.", types=types))


def _country(entitlement: Entitlement, asking: Asking, _today: date) -> Reason:
    among = not entitlement.allow or asking.country in entitlement.allow
    passed = among and asking.country not in entitlement.deny
    name = country_name(asking.country)
    said = (
        _("May be launched from %(country)s.", country=name)
        if passed
        else _("Not available in %(country)s.", country=name)
    )
    return Reason("country", passed, said)


def _embargo(entitlement: Entitlement, _asking: Asking, today: date) -> Reason:
    if entitlement.embargo is None:
        return Reason("embargo", True, _("Without a first day."))
    when = day(entitlement.embargo, "long")
    passed = today >= entitlement.embargo
    said = (
        _("Available since %(day)s.", day=when)
        if passed
        else _("Available from %(day)s.", day=when)
    )
    return Reason("embargo", passed, said)


def _retires(entitlement: Entitlement, _asking: Asking, today: date) -> Reason:
    if entitlement.retires is None:
        return Reason("retires", True, _("Without a last day."))
    when = day(entitlement.retires, "long")
    passed = today <= entitlement.retires
    said = (
        _("Can be launched until %(day)s.", day=when)
        if passed
        else _("Retired on %(day)s.", day=when)
    )
    return Reason("retires", passed, said)


def day_in(zone: str, now: datetime) -> date:
    """Today, as the vendor's calendar shows it: its days begin and end a kit."""
    return now.astimezone(ZoneInfo(zone)).date()


def is_over(retires: date | None, zone: str, now: datetime) -> bool:
    """Whether the last day has ended in the vendor's zone."""
    return retires is not None and day_in(zone, now) > retires


def over_at(retires: date, zone: str) -> datetime:
    """The moment (UTC) at which the day after the last one begins."""
    return datetime.combine(retires + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)


def marks_reached(days_left: int, told: Collection[int] = ()) -> set[int]:
    """Which marks a kit with so many days left has reached that nobody was told of."""
    return {mark for mark in MARKS if 0 <= days_left <= mark} - set(told)


def type_word(key: str) -> str:
    return type_words(PartnerType(key))


def motion_word(key: str) -> str:
    return _(MOTION_WORDS[key]) if key in MOTION_WORDS else key


def country_name(code: str) -> str:
    return str(babel_locale().territories.get(code, code))


def semver(text: str) -> tuple[int, int, int]:
    """The three numbers in order of weight. Raises ValueError for anything else."""
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise ValueError(f"no version of three numbers: {text!r}")
    return int(found[1]), int(found[2]), int(found[3])


def newer(one: str, other: str) -> bool:
    """Compared as numbers: 1.10.0 is newer than 1.9.0."""
    return semver(one) > semver(other)


def next_patch(text: str) -> str:
    """The least version newer than `text`."""
    major, minor, patch = semver(text)
    return f"{major}.{minor}.{patch + 1}"
