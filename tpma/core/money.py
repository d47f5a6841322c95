"""Money in minor units with its ISO 4217 currency; one exact product, one rounding."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

# ISO 4217, list one, where it is not 2. Not asked of CLDR: its digits change with a release (HUF
# became 0 with Babel 2.19), and would change what the minor units already stored mean.
_NO_MINOR = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_MINOR = dict.fromkeys(_NO_MINOR.split(), 0) | {"CLF": 4, "UYW": 4}
_MINOR |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)


@dataclass(frozen=True, slots=True)
class Money:
    minor: int
    currency: str

    def major(self) -> Decimal:
        return Decimal(self.minor).scaleb(-digits(self.currency))


def digits(currency: str) -> int:
    """Minor digits by ISO 4217: USD 2, JPY 0, KWD 3."""
    return _MINOR.get(currency, 2)


def from_major(amount: Decimal, currency: str) -> Money:
    """Exact minor units; more digits than the currency has are rounded half-even."""
    scaled = amount.scaleb(digits(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return Money(int(scaled), currency)


def times(amount: Money, ratio: Fraction) -> Money:
    """amount x ratio, computed exactly and rounded once, half-even, to the minor unit."""
    return Money(round(Fraction(amount.minor) * ratio), amount.currency)


def split(minor: int, weights: Sequence[Fraction | int]) -> list[int]:
    """Parts in proportion to the weights that sum exactly: largest remainder, ties to the first.

    A negative amount is split by magnitude, then negated. Raises ValueError if no weight is
    positive.
    """
    total = sum(Fraction(weight) for weight in weights)
    if total <= 0:
        raise ValueError("weights must sum to more than zero")
    size = abs(minor)
    exact = [Fraction(size) * Fraction(weight) / total for weight in weights]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_remainder[: size - sum(parts)]:
        parts[index] += 1
    return parts if minor >= 0 else [-part for part in parts]
