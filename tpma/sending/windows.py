"""When a mail may leave by the clock on a wall: hours, weekdays, time zones. Pure.

An hour the clocks leap over is the first instant after the leap; one they pass twice is the
first of the two. All moments that come out are UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tpma.localization.zones import zone_of

EVERY_DAY = "1234567"
_LONGEST_WAIT = 8  # days until any weekday has come round


@dataclass(frozen=True, slots=True)
class Window:
    """Hours from `start` (0 to 23) up to `until` (1 to 24) on ISO weekdays ("12345")."""

    start: int = 0
    until: int = 24
    weekdays: str = EVERY_DAY

    @property
    def is_always_open(self) -> bool:
        return self.start == 0 and self.until == 24 and set(self.weekdays) >= set(EVERY_DAY)

    def is_open(self, moment: datetime, zone: str) -> bool:
        local = moment.astimezone(ZoneInfo(zone))
        return str(local.isoweekday()) in self.weekdays and self.start <= local.hour < self.until

    def opens(self, moment: datetime, zone: str) -> datetime:
        """`moment` itself while the window is open, else the next instant at which it opens."""
        if self.is_open(moment, zone):
            return moment
        today = moment.astimezone(ZoneInfo(zone)).date()
        for ahead in range(_LONGEST_WAIT + 1):
            first = instant(datetime.combine(today + timedelta(days=ahead), time(self.start)), zone)
            if first >= moment and self.is_open(first, zone):
                return first
        raise ValueError(f"a window without a weekday never opens: {self}")


def instant(wall: datetime, zone: str) -> datetime:
    """The moment (UTC) at which the clocks of `zone` show the naive time `wall`."""
    local = wall.replace(tzinfo=ZoneInfo(zone), fold=0)
    moment = local.astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall:
        return moment
    return _after_the_leap(wall, zone)


def _after_the_leap(wall: datetime, zone: str) -> datetime:
    """`wall` is skipped when clocks go forward: the offsets before and after it disagree, and
    the leap is where the clock first shows something later than `wall`."""
    low = wall.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)  # before the leap
    high = wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)  # after it
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def not_before(wall: datetime | None, now: datetime, zone: str, window: Window) -> datetime:
    """From when on readers of `zone` may get a mail: the chosen hour of their own clock, or now
    if that has passed or none was chosen, and then as soon as the window is open."""
    begins = now if wall is None else max(instant(wall, zone), now)
    return window.opens(begins, zone)


def by_zone(by_country: Mapping[str, int], otherwise: str) -> dict[str, int]:
    """Readers by country ("" unknown) → readers by zone."""
    found: dict[str, int] = {}
    for country, number in by_country.items():
        zone = zone_of(country, otherwise)
        found[zone] = found.get(zone, 0) + number
    return found


def first_start(wall: datetime, zones: Iterable[str], otherwise: str) -> datetime:
    """When the readers furthest east have the chosen hour; before that nothing has to run."""
    return min(instant(wall, zone) for zone in {*zones} or {otherwise})
