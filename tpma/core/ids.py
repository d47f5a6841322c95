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
