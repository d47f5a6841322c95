"""Passwords: what is accepted, and how it is kept (argon2id, RFC 9106)."""

import secrets
import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _

SHORTEST = 10
LONGEST = 200

_hasher = PasswordHasher()  # the low-memory profile of RFC 9106: t=3, 64 MiB, p=4


def accepted(password: str, email: str = "", field: str = "password") -> str:
    """The password as it is hashed. Any script, any length from 10 to 200 characters.

    Raises Invalid if it is too short, too long, the person's own address, or hardly varied.
    """
    typed = _normal(password)
    if len(typed) < SHORTEST:
        raise Invalid(_("Use at least %(least)s characters.", least=SHORTEST), field=field)
    if len(typed) > LONGEST:
        raise Invalid(_("Use at most %(most)s characters.", most=LONGEST), field=field)
    if typed.casefold() == email.casefold() or len(set(typed)) < 4:
        raise Invalid(
            _("That is too easy to guess. Three or four unrelated words work well."), field=field
        )
    return typed


def hashed(password: str) -> str:
    """Of an accepted password; about 50 ms of work."""
    return _hasher.hash(_octets(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether this is the password. Takes as long when nothing is kept, so that the time of
    the answer does not tell who has an account."""
    try:
        right = _hasher.verify(kept or _decoy(), _octets(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def outdated(kept: str) -> bool:
    """Whether it was made with other parameters than today's and should be made again."""
    return _hasher.check_needs_rehash(kept)


def _normal(password: str) -> str:
    """One form for what looks the same: keyboards write ä as one character or as two."""
    return unicodedata.normalize("NFC", password)


def _octets(password: str) -> bytes:
    # More than a password can have is cut, or a megabyte would keep argon2 busy.
    return _normal(password[: LONGEST * 4]).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=1)
def _decoy() -> str:
    return _hasher.hash(secrets.token_bytes(16))
