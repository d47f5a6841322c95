"""When the last mail of a launch will have left: arithmetic over caps, rates and hours. Pure.

It walks through the days (UTC, as a warm-up counts them) and assumes that every day goes well:
a domain that is used climbs a rung a day. What is ahead in the same domain's queue goes first.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from tpma.sending import warming
from tpma.sending.windows import Window

_STEP = timedelta(minutes=15)
_DAY = timedelta(days=1)
LONGEST = 400  # days looked ahead


@dataclass(frozen=True, slots=True)
class Pace:
    """What mails may leave by. None is "no limit"."""

    left_today: int | None = None  # of the warm-up
    step: int = 0  # rung of the warm-up
    fixed_cap: int | None = None  # the operator's, every day
    per_second: float | None = None
    quota: int | None = None  # of the provider, in a day
    window: Window = Window()
    zone: str = "UTC"
    ahead: int = 0  # mails of others that leave from the same domain first


@dataclass(frozen=True, slots=True)
class Outcome:
    """`finishes` is None if the launch ends before its last mail can leave; `capacity` is what
    the warm-up has room for until then, None where it sets no limit."""

    finishes: datetime | None
    capacity: int | None


@dataclass(frozen=True, slots=True)
class _Day:
    begins: datetime
    ends: datetime
    cap: int | None
    seconds: float  # open


def look_ahead(mails: int, begins: datetime, ends: datetime, pace: Pace, now: datetime) -> Outcome:
    """What becomes of so many mails between two moments."""
    todo = float(mails + pace.ahead)
    finishes: datetime | None = None
    capacity = 0
    for day in _days(max(begins, now), ends, pace, now):
        capacity += day.cap or 0
        rooms = [] if day.cap is None else [day.cap]
        rooms += [] if pace.quota is None else [pace.quota]
        rated = [] if pace.per_second is None else [pace.per_second * day.seconds]
        room = min([*rooms, *rated, math.inf])
        if finishes is None and todo <= room:
            finishes = _moment(day, todo, pace)
        todo -= min(room, todo)
        if finishes is not None and day.cap is None:
            break
    limited = pace.left_today is not None
    return Outcome(finishes, max(capacity - pace.ahead, 0) if limited else None)


def _days(begins: datetime, ends: datetime, pace: Pace, now: datetime) -> Iterator[_Day]:
    """Days on which the window opens; the first of them may be half over."""
    active = 0
    for ahead in range(LONGEST):
        midnight = datetime.combine(begins.astimezone(UTC).date(), time(), UTC) + ahead * _DAY
        first, last = max(midnight, begins), min(midnight + _DAY, ends)
        seconds = open_seconds(first, last, pace) if first < last else 0.0
        if seconds:
            yield _Day(first, last, _cap(pace, active, first.date() == now.date()), seconds)
            active += 1
        if last >= ends:
            return


def _cap(pace: Pace, active: int, today: bool) -> int | None:
    if pace.left_today is None:
        return None
    if today:
        return pace.left_today
    if pace.fixed_cap is not None:
        return pace.fixed_cap
    return warming.cap(pace.step + active)


def open_seconds(first: datetime, last: datetime, pace: Pace) -> float:
    """How long the window is open between two moments."""
    if pace.window.is_always_open:
        return (last - first).total_seconds()
    return sum((end - start).total_seconds() for start, end in _open_spans(first, last, pace))


def _open_spans(first: datetime, last: datetime, pace: Pace) -> Iterator[tuple[datetime, datetime]]:
    """Spans of at most a quarter of an hour; zones and hours change on quarters alone."""
    moment = first
    while moment < last:
        quarter = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
        end = min(quarter + _STEP, last)
        if pace.window.is_open(moment, pace.zone):
            yield moment, end
        moment = end


def _moment(day: _Day, mails: float, pace: Pace) -> datetime:
    """When the last of so many has left on a day that has room for them."""
    needed = mails / pace.per_second if pace.per_second else 0.0
    if pace.window.is_always_open:
        return day.begins + timedelta(seconds=needed)
    for start, end in _open_spans(day.begins, day.ends, pace):
        length = (end - start).total_seconds()
        if needed <= length:
            return start + timedelta(seconds=needed)
        needed -= length
    return day.ends
