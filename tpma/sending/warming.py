"""How much a young domain may send: the ladder, and what a day's results do to it. Pure.

Mailbox providers know a domain by what it sent before. Who starts with ten thousand mails looks
like a stolen account; who doubles what went well yesterday is believed. An active day is a day
(UTC) on which something was sent.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LADDER = (50, 100, 200, 400, 800, 1_500, 3_000, 6_000, 10_000)  # mails, by active day
GROWTH = 1.5  # after the last rung
HIGHEST = 60  # rungs; beyond it nothing is limited that anybody sends
WELL_USED = 0.6  # of a day's cap: who sent less has shown less
ENOUGH = 200  # mails of which a share says something; fewer can hold a domain, not throw it back
IDLE = timedelta(days=30)
BACK_WHEN_IDLE = 2  # rungs
COMPLAINTS, BOUNCES = "complaints", "bounces"


class Verdict(StrEnum):
    ADVANCE = "advance"
    HOLD = "hold"
    HALVE = "halve"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Day:
    """What came of an active day. Shares are of `accepted`, the mails that really left."""

    cap: int
    taken: int
    accepted: int
    bounced: int = 0  # hard
    complained: int = 0
    deferred: int = 0
    told: bool = True  # the event feed can be trusted to have told of it


# Share of the mails → what it asks for, worst first (RT-03, RT-04 of docs/delivery.md).
_BOUNCED = ((0.05, Verdict.STOP), (0.04, Verdict.HALVE), (0.02, Verdict.HOLD))
_COMPLAINED = ((0.003, Verdict.STOP), (0.002, Verdict.HALVE), (0.001, Verdict.HOLD))
_DEFERRED = ((0.10, Verdict.HOLD),)
_WORSE = (Verdict.ADVANCE, Verdict.HOLD, Verdict.HALVE, Verdict.STOP)


def cap(step: int) -> int:
    """Mails a day on a rung, counted from 0."""
    if step < len(LADDER):
        return LADDER[max(step, 0)]
    return round(LADDER[-1] * GROWTH ** (min(step, HIGHEST) - len(LADDER) + 1))


def rung_for(mails: int) -> int:
    """The lowest rung that lets out this many."""
    return next((step for step in range(HIGHEST) if cap(step) >= mails), HIGHEST)


def verdict(day: Day) -> tuple[Verdict, str]:
    """What follows from a day, and because of what ("" unless it is complaints or bounces)."""
    sent = max(day.accepted, 1)
    bounced = _first(_BOUNCED, day.bounced / sent)
    complained = _first(_COMPLAINED, day.complained / sent)
    deferred = _first(_DEFERRED, day.deferred / sent)
    worst = max(bounced, complained, deferred, key=_WORSE.index)
    if day.accepted < ENOUGH:
        worst = min(worst, Verdict.HOLD, key=_WORSE.index)
    if worst is Verdict.ADVANCE:
        used = day.taken >= WELL_USED * day.cap
        return (Verdict.ADVANCE if used and day.told else Verdict.HOLD), ""
    return worst, _cause(bounced, complained)


def _cause(bounced: Verdict, complained: Verdict) -> str:
    if _WORSE.index(complained) > _WORSE.index(bounced):
        return COMPLAINTS
    return BOUNCES if bounced is not Verdict.ADVANCE else ""


def _first(ladder: tuple[tuple[float, Verdict], ...], share: float) -> Verdict:
    return next((found for least, found in ladder if share >= least), Verdict.ADVANCE)


def step_after(step: int, found: Verdict) -> int:
    """The rung of the next active day."""
    if found is Verdict.ADVANCE:
        return min(step + 1, HIGHEST)
    if found is Verdict.HALVE:
        return halved(step)
    return step


def halved(step: int) -> int:
    """The highest rung of at most half the mails; the lowest there is at least."""
    below = [lower for lower in range(step) if cap(lower) * 2 <= cap(step)]
    return max(below, default=0)


def step_after_idle(step: int, idle: timedelta) -> int:
    """Two rungs back for every thirty days without a mail."""
    return max(step - BACK_WHEN_IDLE * (idle // IDLE), 0)
