"""When soft bounces close an address. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

MAILBOX_FULL = "MailboxFull"
WINDOW = timedelta(days=30)
CLOSED_FOR = timedelta(days=90)
_MOST, _MOST_FULL, _LAUNCHES = 3, 5, 2


@dataclass(frozen=True, slots=True)
class SoftBounce:
    at: datetime
    launch_id: UUID
    subtype: str


def closed_until(bounces: Iterable[SoftBounce]) -> datetime | None:
    """Until when these close an address (RT-08); None if they never did.

    Three in 30 days over at least two launches close it for 90 days after the last of them. A
    full mailbox is emptied sooner than a dead one comes back: it takes five.
    """
    told = sorted(bounces, key=lambda bounce: bounce.at)
    ends = [
        last.at + CLOSED_FOR
        for n, last in enumerate(told)
        if _is_too_much([one for one in told[: n + 1] if one.at > last.at - WINDOW])
    ]
    return max(ends, default=None)


def _is_too_much(within: list[SoftBounce]) -> bool:
    if len({one.launch_id for one in within}) < _LAUNCHES:
        return False
    others = sum(one.subtype != MAILBOX_FULL for one in within)
    return others >= _MOST or len(within) >= _MOST_FULL
