"""Signing certificates of Amazon SNS: fetched rarely, kept a day, never trusted further.

What may be fetched was judged before (`sns_envelope`). A flood of false addresses costs at most
`_MOST_FETCHES` a minute, one at a time, each at most 16 KB and five seconds.
"""

import http.client
import ssl
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tpma.core.errors import Unavailable
from tpma.ports.events import Forged

Fetch = Callable[[str], bytes]  # raises Forged for a wrong answer, Unavailable for none

LARGEST = 16 * 1024
_KEPT = timedelta(hours=24)
_REFUSED = timedelta(minutes=5)
_UNREACHED = timedelta(seconds=10)  # SNS itself asks again after twenty
_MOST_KEPT = 64
_MOST_FETCHES, _MINUTE = 20, timedelta(minutes=1)
_SECONDS, _WHOLE = 3.0, 5.0
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}


@dataclass(frozen=True, slots=True)
class _Known:
    """The certificate of an address, or why there is none, until a moment."""

    until: datetime
    certificate: x509.Certificate | None = None
    error: Forged | Unavailable | None = None


class Certificates:
    """Looks certificates up by address; asked by many threads, it fetches once."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._fetched: deque[datetime] = deque()
        self._lock = threading.Lock()  # also holds a second caller until the first has fetched

    def verify(
        self, url: str, version: str, signature: bytes, signed: bytes, now: datetime
    ) -> None:
        """Raises Forged, or Unavailable if the certificate cannot be had now."""
        certificate = self._certificate(url, now)
        _in_force(certificate, now)
        key = certificate.public_key()
        assert isinstance(key, RSAPublicKey), "judged when it was read"
        try:
            key.verify(signature, signed, padding.PKCS1v15(), _HASHES[version])
        except InvalidSignature as error:
            raise Forged("The signature is wrong.") from error

    def _certificate(self, url: str, now: datetime) -> x509.Certificate:
        known = self._known.get(url)
        if known is None or known.until <= now:
            with self._lock:
                known = self._known.get(url)
                if known is None or known.until <= now:
                    known = self._look_up(url, now)
        if known.certificate is None:
            raise known.error or Forged("There is no such certificate.")
        return known.certificate

    def _look_up(self, url: str, now: datetime) -> _Known:
        self._spend(now)
        try:
            known = _Known(now + _KEPT, certificate=leaf(self._fetch(url), now))
        except Forged as error:
            known = _Known(now + _REFUSED, error=error)
        except Unavailable as error:
            known = _Known(now + _UNREACHED, error=error)
        self._known[url] = known
        self._known.move_to_end(url)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return known

    def _spend(self, now: datetime) -> None:
        while self._fetched and self._fetched[0] <= now - _MINUTE:
            self._fetched.popleft()
        if len(self._fetched) >= _MOST_FETCHES:
            raise Unavailable("Too many certificates were asked for. Try again in a minute.")
        self._fetched.append(now)


def leaf(pem: bytes, now: datetime) -> x509.Certificate:
    """The signing certificate of a file that may hold its chain too. Raises Forged."""
    if len(pem) > LARGEST:
        raise Forged("The certificate is too large.")
    try:
        chain = x509.load_pem_x509_certificates(pem)
        first, key = chain[0], chain[0].public_key()
        for issued, issuer in zip(chain, chain[1:], strict=False):
            issued.verify_directly_issued_by(issuer)
            _in_force(issuer, now)
    except (ValueError, TypeError, InvalidSignature, IndexError) as error:
        raise Forged("This is no certificate, or its chain is broken.") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise Forged("The certificate's key is none SNS would use.")
    _in_force(first, now)
    return first


def _in_force(certificate: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Forged("The certificate is not in force.")


def fetch(url: str) -> bytes:
    """GET by HTTPS with the chain of the server checked, no redirects, 16 KB and five seconds.

    Raises Forged for any answer but 200, Unavailable for none.
    """
    parts = urlsplit(url)
    context = ssl.create_default_context()
    connection = http.client.HTTPSConnection(parts.netloc, timeout=_SECONDS, context=context)
    try:
        connection.request("GET", parts.path, headers={"Accept": "application/x-pem-file"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise Forged(f"There is no certificate at this address: {answer.status}")
        return _body(answer)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"The certificate cannot be fetched: {type(error).__name__}") from error
    finally:
        connection.close()


def _body(answer: http.client.HTTPResponse) -> bytes:
    """As it comes, so that neither an endless body nor an endless trickle holds us."""
    ends, found = time.monotonic() + _WHOLE, b""
    while part := answer.read1(4096):
        found += part
        if len(found) > LARGEST:
            raise Forged("The certificate is too large.")
        if time.monotonic() > ends:
            raise Unavailable("The certificate comes too slowly.")
    return found
