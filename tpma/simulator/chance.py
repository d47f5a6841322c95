"""Chance from a seed: the same question gets the same answer, in whatever order it is asked."""

from hashlib import blake2b


def digest(*parts: object) -> bytes:
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).digest()


def uniform(*parts: object) -> float:
    """A number from 0 up to, not including, 1."""
    return (int.from_bytes(digest(*parts)[:8], "big") >> 11) / 2**53


def identifier(*parts: object) -> str:
    """Shaped like a UUID."""
    found = digest(*parts).hex()
    return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}"
