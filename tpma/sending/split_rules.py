"""Two subjects of a mail: who gets which, and what the clicks prove. Pure.

Opens decide nothing: machines make most of them. A winner is a difference in human clicks that
chance alone makes in one of twenty trials at most (two-proportion test, two-sided).
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, sqrt
from uuid import UUID

SHARE = 20  # per cent of the readers are the sample, half of it a subject; unless chosen
LEAST_ARM = 20  # readers a subject; with fewer nobody waits for an answer
SECOND_VARIANTS = frozenset({"b", "w"})  # of messages: the sample's second half, and a won rest
_Z_ALPHA, _Z_POWER = 1.959964, 0.841621  # 5 % two-sided, 80 % power
_LEAST_RATE, _MOST_RATE = 0.02, 0.45  # of clicks, for the size that is needed


class Outcome(StrEnum):
    WINNER = "winner"
    NO_DIFFERENCE = "no_difference"
    TOO_SMALL = "too_small"


@dataclass(frozen=True, slots=True)
class Arm:
    sent: int
    clicked: int

    @property
    def rate(self) -> float:
        return self.clicked / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`winner` is a unless b is proven better; `low` and `high` bound b - a (95 %, Newcombe);
    `needed` is the readers a subject that could show twice the clicks."""

    outcome: Outcome
    winner: str
    low: float
    high: float
    needed: int


def draw(launch_id: UUID, keys: Collection[bytes], share: int = SHARE) -> dict[bytes, str]:
    """Recipient → a or b, for those in the sample: the same whenever it is drawn.

    The keys are keyed hashes of addresses, so nobody outside can work out who is in it, and with
    the launch in the hash nobody is in it each time.
    """
    arm = len(keys) * share // 200
    ordered = sorted(keys, key=lambda key: hashlib.sha256(launch_id.bytes + key).digest())
    return dict.fromkeys(ordered[:arm], "a") | dict.fromkeys(ordered[arm : 2 * arm], "b")


def needed(rate: float) -> int:
    """Readers a subject so that twice this rate of clicks is found in four of five trials."""
    p = min(max(rate, _LEAST_RATE), _MOST_RATE)
    twice = 2 * p
    mean = (p + twice) / 2
    by_chance = _Z_ALPHA * sqrt(2 * mean * (1 - mean))
    by_effect = _Z_POWER * sqrt(p * (1 - p) + twice * (1 - twice))
    return ceil(((by_chance + by_effect) / (twice - p)) ** 2)


def decide(a: Arm, b: Arm) -> Verdict:
    """What the sample proves. Too few readers prove nothing, whatever their clicks say."""
    low, high = difference(a, b)
    least = needed(_pooled(a, b))
    if min(a.sent, b.sent) < least:
        return Verdict(Outcome.TOO_SMALL, "a", low, high, least)
    if abs(_z(a, b)) <= _Z_ALPHA:
        return Verdict(Outcome.NO_DIFFERENCE, "a", low, high, least)
    return Verdict(Outcome.WINNER, "b" if b.rate > a.rate else "a", low, high, least)


def _pooled(a: Arm, b: Arm) -> float:
    sent = a.sent + b.sent
    return (a.clicked + b.clicked) / sent if sent else 0.0


def _z(a: Arm, b: Arm) -> float:
    p = _pooled(a, b)
    spread = sqrt(p * (1 - p) * (1 / a.sent + 1 / b.sent))
    return (b.rate - a.rate) / spread if spread else 0.0


def difference(a: Arm, b: Arm) -> tuple[float, float]:
    """95 % interval of b - a by Newcombe's method 10 (Statistics in Medicine 17, 1998)."""
    if not a.sent or not b.sent:
        return -1.0, 1.0
    (a_low, a_high), (b_low, b_high) = wilson(a), wilson(b)
    gap = b.rate - a.rate
    return (
        gap - sqrt((b.rate - b_low) ** 2 + (a_high - a.rate) ** 2),
        gap + sqrt((b_high - b.rate) ** 2 + (a.rate - a_low) ** 2),
    )


def wilson(arm: Arm) -> tuple[float, float]:
    n, p, z = arm.sent, arm.rate, _Z_ALPHA
    centre = p + z * z / (2 * n)
    reach = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - reach) / (1 + z * z / n), (centre + reach) / (1 + z * z / n)
