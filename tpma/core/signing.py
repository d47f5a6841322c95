"""Signed tokens: links in mails, unsubscribes, landing-page visits, invitations.

One keyed BLAKE2b (RFC 7693) a recipient, not one a link: the link's number is the last
character and stays unsigned, because its target is looked up in the launch's own table.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tpma.core.errors import NotFound

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SIGNS = frozenset(ALPHABET)
TOKEN_LENGTH = 24  # 18 bytes: key id 1, subject 7, mac 10
_MAC = 10
_KEY_ID = 1


@dataclass(frozen=True)
class Signer:
    """Makes and checks tokens under the installation's secret."""

    secret: str

    def token(self, subject: int, purpose: str = "message") -> str:
        """24 URL-safe characters that name `subject` (below 2**56)."""
        body = bytes([_KEY_ID]) + subject.to_bytes(7, "big")
        return base64.urlsafe_b64encode(body + self._mac(body, purpose)).decode()

    def subject(self, token: str, purpose: str = "message") -> int:
        """What the token names. Raises NotFound if it is malformed or was not made here."""
        raw = _decoded(token)
        body, mac = raw[:8], raw[8:]
        if body[0] != _KEY_ID or not hmac.compare_digest(mac, self._mac(body, purpose)):
            raise NotFound("This link is not one of ours.")
        return int.from_bytes(body[1:], "big")

    def _mac(self, body: bytes, purpose: str) -> bytes:
        keyed = _keyed(self.secret, purpose).copy()
        keyed.update(body)
        return keyed.digest()

    @cached_property
    def _key(self) -> bytes:
        return _key_of(self.secret)

    def keyed_hash(self, owner: str, text: str, size: int = 16) -> bytes:
        """A hash of `text` that only this installation can make, apart for each owner."""
        return hashlib.blake2b(
            f"{owner}\n{text}".encode(), key=self._key, digest_size=size, person=b"hash"
        ).digest()


@lru_cache(maxsize=8)
def _key_of(secret: str) -> bytes:
    return hashlib.sha256(b"tpma-links:" + secret.encode()).digest()


@lru_cache(maxsize=64)
def _keyed(secret: str, purpose: str) -> hashlib.blake2b:
    """To be copied: taking the key in costs as much as the token itself."""
    return hashlib.blake2b(key=_key_of(secret), digest_size=_MAC, person=purpose.encode()[:16])


def _decoded(token: str) -> bytes:
    if len(token) != TOKEN_LENGTH or not _SIGNS.issuperset(token):
        raise NotFound("This link is not one of ours.")
    try:
        return base64.urlsafe_b64decode(token)
    except (binascii.Error, ValueError) as error:
        raise NotFound("This link is not one of ours.") from error


def link_character(index: int) -> str:
    """The number of a link (0 to 63) as the one character that follows the token."""
    return ALPHABET[index]


def link_index(character: str) -> int:
    """Raises NotFound for a character no link can have."""
    found = ALPHABET.find(character) if len(character) == 1 else -1
    if found < 0:
        raise NotFound("This link is not one of ours.")
    return found
