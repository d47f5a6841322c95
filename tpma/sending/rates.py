"""How fast mail may leave: arithmetic alone, of moments and numbers (docs/delivery.md).

A rate is kept as one moment, the theoretical arrival time of the generic cell rate algorithm:
the instant at which everything promised so far will have left. Whoever wants to send moves it
forward in the same transaction that takes the mails, so any number of workers share a rate
without talking to one another.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

HORIZON = timedelta(seconds=1)  # how far ahead a worker may take places
BRIEF = timedelta(seconds=0.25)  # away for no longer: a worker that wrote down what it sent
SHARE = 0.9  # of the provider's rate; others may use the account as well
SLACK = 0.98  # of the provider's 24 hours
RESERVED = 0.1  # of rate and quota, kept for mail a person waits for
SLOWEST = 1.0  # a second, however often the provider says "not now"
HALVED_ONCE_IN = timedelta(seconds=2)  # one wave of "not now" is one message
BACK_EVERY = timedelta(seconds=10)
BACK_BY = 0.05  # of the ceiling


@dataclass(frozen=True, slots=True)
class Slots:
    """`count` mails may start: the first at `first`, each `gap` seconds after the one before."""

    count: int
    first: datetime
    gap: float


def reserve(
    promised: datetime | None, now: datetime, per_second: float, wanted: int
) -> tuple[Slots, datetime]:
    """Places for at most `wanted` mails within the horizon, and the moment promised from then on.

    No burst is saved up: who sent nothing for an hour starts at the same pace. Only what passed
    while workers were briefly away is made up for; else each turn would lose what its end costs.
    """
    first = promised if promised and promised > now - BRIEF else now
    room = (now + HORIZON - first).total_seconds() * per_second
    count = 0 if room < 0 else min(wanted, math.floor(room) + 1)
    gap = 1 / per_second
    return Slots(count, first, gap), first + timedelta(seconds=count * gap)


def give_back(promised: datetime, now: datetime, per_second: float, unused: int) -> datetime:
    """The promised moment after `unused` places were not needed; never before now."""
    return max(promised - timedelta(seconds=unused / per_second), now)


def halved(per_second: float, lowered_at: datetime | None, now: datetime) -> float:
    """The provider said "not now": half, once a wave."""
    if lowered_at is not None and now - lowered_at < HALVED_ONCE_IN:
        return per_second
    return max(per_second / 2, min(SLOWEST, per_second))


def recovered(
    per_second: float, ceiling: float, raised_at: datetime, now: datetime
) -> tuple[float, datetime]:
    """A twentieth of the ceiling back every ten quiet seconds; the rate and when it last rose."""
    steps = int((now - raised_at) / BACK_EVERY)
    if steps <= 0 or per_second >= ceiling:
        return min(per_second, ceiling), now if per_second >= ceiling else raised_at
    return min(per_second + steps * BACK_BY * ceiling, ceiling), raised_at + steps * BACK_EVERY


def daily_room(
    max_24h: float, told_24h: float, ours_24h: int, *, reserved: bool = True
) -> int | None:
    """Mails the provider's day still has room for; None if it sets no limit (-1).

    The provider's own count is minutes old and ours knows nothing of other senders, so the
    larger one holds. `reserved` keeps a tenth for mail a person waits for.
    """
    if max_24h < 0:
        return None
    share = SLACK - (RESERVED if reserved else 0)
    return max(math.floor(max_24h * share - max(told_24h, ours_24h)), 0)


def hour_of(moment: datetime) -> int:
    """Hours since 1970: the bucket a mail is counted in."""
    return int(moment.timestamp() // 3600)
