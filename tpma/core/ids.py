"""Identifiers that sort by birth: UUID version 7 (RFC 9562, section 5.7)."""

import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

Chance = Callable[[int], int]
"""Returns that many random bits as an integer; `secrets.randbits` outside tests."""


def uuid7(now: datetime, chance: Chance = secrets.randbits) -> UUID:
    """48 bits of Unix milliseconds, then 74 random bits around the version and variant."""
    milliseconds = int(now.timestamp() * 1000)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | chance(12) << 64
    value |= 0b10 << 62 | chance(62)
    return UUID(int=value)


def uuid7s(now: datetime, count: int) -> list[UUID]:
    """Many at once, for the price of one look at the clock and one draw."""
    head = (int(now.timestamp() * 1000) & (1 << 48) - 1) << 80 | 0x7 << 76 | 0b10 << 62
    drawn = secrets.token_bytes(10 * count)
    mask = ((1 << 12) - 1) << 64 | (1 << 62) - 1
    return [
        UUID(int=head | int.from_bytes(drawn[at : at + 10], "big") & mask)
        for at in range(0, 10 * count, 10)
    ]
