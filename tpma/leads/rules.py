"""The life of a lead as a table, when an answer is due, and what a decline is for."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.core.text import lines
from tpma.leads.models import LeadState

S = LeadState


class LeadEvent(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    REOPEN = "reopen"  # take back an answer
    CONTACT = "contact"  # somebody spoke to them
    REGISTER_DEAL = "register_deal"
    DROP_DEAL = "drop_deal"  # the registration was withdrawn or declined
    WIN = "win"
    LOSE = "lose"


# Any pair that is not here is refused with Conflict.
TRANSITIONS: dict[tuple[LeadState, LeadEvent], LeadState] = {
    (S.ROUTED, LeadEvent.ACCEPT): S.ACCEPTED,
    (S.ROUTED, LeadEvent.DECLINE): S.DECLINED,
    (S.ACCEPTED, LeadEvent.REOPEN): S.ROUTED,
    (S.DECLINED, LeadEvent.REOPEN): S.ROUTED,
    (S.ACCEPTED, LeadEvent.CONTACT): S.WORKING,
    (S.ACCEPTED, LeadEvent.REGISTER_DEAL): S.DEAL_REGISTERED,
    (S.WORKING, LeadEvent.REGISTER_DEAL): S.DEAL_REGISTERED,
    (S.WORKING, LeadEvent.LOSE): S.LOST,
    (S.DEAL_REGISTERED, LeadEvent.DROP_DEAL): S.WORKING,
    (S.DEAL_REGISTERED, LeadEvent.WIN): S.CONVERTED,
    (S.DEAL_REGISTERED, LeadEvent.LOSE): S.LOST,
}

WAITING = (S.ROUTED,)
IN_WORK = (S.ACCEPTED, S.WORKING, S.DEAL_REGISTERED)
OPEN = (*WAITING, *IN_WORK)  # a second form of the same person joins these
SAME_PERSON = timedelta(days=180)

ANSWER_DAYS = 2  # working days to accept or decline
MORNING = time(9)
WARNING = (3, 4)  # of the time for an answer has gone when we remind
MOST_NOTE = 300

DECLINE_REASONS: dict[str, str] = {
    "no_need": lazy("They do not need it now"),
    "no_budget": lazy("They have no budget for it"),
    "wrong_person": lazy("The person cannot decide, and knows nobody who can"),
    "customer": lazy("Already in talks with us about the same thing"),
    "competitor": lazy("A competitor, a student or a job seeker"),
    "territory": lazy("Outside the countries we serve"),
    "capacity": lazy("We have nobody free in time"),
    "other": lazy("Something else"),
}


def after(state: LeadState, event: LeadEvent) -> LeadState:
    """The state `event` leads to. Raises Conflict for a pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError as error:
        raise Conflict(
            _("This lead is not waiting for that any more. Reload the page and look again.")
        ) from error


def may(state: LeadState, event: LeadEvent) -> bool:
    return (state, event) in TRANSITIONS


def decline_reason(code: str, note: str) -> tuple[str, str]:
    """The reason and the note to keep. Raises Invalid naming the field."""
    if code not in DECLINE_REASONS:
        raise Invalid(_("Choose the reason that fits best."), field="reason")
    kept = lines(note, MOST_NOTE, "note")
    if code == "other" and not kept:
        raise Invalid(_("Say in a few words what it is."), field="note")
    return code, kept


class Window(NamedTuple):
    """The time somebody has for an answer, in UTC."""

    start: datetime
    due: datetime

    @property
    def warning(self) -> datetime:
        """Three quarters of the time have gone, as the clock on the wall counts it."""
        part, whole = WARNING
        return self.start + (self.due - self.start) * part / whole


def answer_window(
    start: datetime,
    zone: str,
    country: str,
    days: int = ANSWER_DAYS,
    closed: Collection[date] = (),
) -> Window:
    """`days` working days after `start` at the same local time.

    Weekends are CLDR's for the country, `closed` the vendor's holidays there; a start on a day
    off counts from 09:00 of the next working day. A local time the clocks skip becomes the next
    valid one, a doubled one the first.
    """
    place = ZoneInfo(zone)
    local = start.astimezone(place)
    first = _working(local.date(), country, closed)
    at = local.time() if first == local.date() else MORNING
    last = first
    for _day in range(days):
        last = _working(last + timedelta(days=1), country, closed)
    began = start if first == local.date() else _valid(datetime.combine(first, at, place))
    return Window(began, _valid(datetime.combine(last, at, place)))


def _working(day: date, country: str, closed: Collection[date]) -> date:
    """The day itself, or the next one people work on."""
    off = days_off(country)
    while day.weekday() in off or day in closed:
        day += timedelta(days=1)
    return day


def answer_due(
    start: datetime,
    zone: str,
    country: str,
    days: int = ANSWER_DAYS,
    closed: Collection[date] = (),
) -> datetime:
    """The end of `answer_window`."""
    return answer_window(start, zone, country, days, closed).due


class Standing(StrEnum):
    """How it stands with a promised answer."""

    ON_TIME = "on_time"
    SOON = "soon"
    MISSED = "missed"


def standing(remind_at: datetime | None, due: datetime, now: datetime) -> Standing:
    """Missed from the very moment it was due; soon once the warning's moment has come.

    `remind_at` is the warning until it was given, and `due` from then on.
    """
    if now >= due:
        return Standing.MISSED
    is_early = remind_at is not None and now < remind_at < due
    return Standing.ON_TIME if is_early else Standing.SOON


def reminder_after_reopening(
    window: Window, escalated_at: datetime | None, now: datetime
) -> datetime | None:
    """When to tell its people next, once an answer was taken back: not of what they know."""
    if escalated_at is not None:
        return None
    return window.warning if now < window.warning else window.due


def _valid(local: datetime) -> datetime:
    """The moment in UTC; a time the clocks skip is moved on, by the minute, to one they show."""
    while local.astimezone(UTC).astimezone(local.tzinfo).time() != local.time():
        local += timedelta(minutes=1)
    return local.astimezone(UTC)


@lru_cache(maxsize=256)
def days_off(country: str) -> frozenset[int]:
    """Weekend days of a country by CLDR, 0 is Monday; Saturday and Sunday where it is unknown."""
    try:
        # Babel keys weekends by locale, and only the likely language of a country finds them.
        likely = Locale.parse(f"und_{country}")
    except (UnknownLocaleError, ValueError):
        return frozenset({5, 6})
    first, last = int(likely.weekend_start), int(likely.weekend_end)
    return frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
