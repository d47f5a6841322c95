"""Calendar quarters in somebody's zone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Quarter:
    year: int
    number: int  # 1 to 4
    start: datetime  # UTC


def quarter_of(now: datetime, zone: str) -> Quarter:
    place = ZoneInfo(zone)
    local = now.astimezone(place)
    number = (local.month - 1) // 3 + 1
    start = datetime(local.year, 3 * number - 2, 1, tzinfo=place)
    return Quarter(local.year, number, start.astimezone(UTC))
