"""A test mail as it arrived: what the receiving server found (RFC 8601), what was signed. Pure."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from uuid import UUID

from tpma.sending.domains.dmarc import aligned

HEADER = "X-TPMA-Probe"
_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"^\s*([a-z0-9-]+)\s*=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"\b(header|smtp)\.([a-z]+)\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
_TAG = re.compile(r"([a-z]+)\s*=\s*([^;]*)", re.IGNORECASE)
_MOST = 20_000  # characters of a header line that are read


@dataclass(frozen=True, slots=True)
class Result:
    """One method's result: dkim=pass header.d=news.example.com."""

    method: str
    result: str
    domain: str  # of the signature or the envelope, "" if not said


@dataclass(frozen=True, slots=True)
class Arrived:
    probe_id: UUID
    results: tuple[Result, ...]
    signed: tuple[tuple[str, frozenset[str]], ...]  # d= of each signature, its h= in lower case

    @property
    def was_judged(self) -> bool:
        """Whether the receiving server said anything at all."""
        return bool(self.results)

    def signature_of(self, domain: str, mode: str = "r") -> tuple[str, frozenset[str]] | None:
        """(d=, signed headers) of a signature that passed and is aligned with the From domain.

        Of several the one that covers most counts: receivers take any that is good.
        """
        passed = {
            one.domain for one in self.results if (one.method, one.result) == ("dkim", "pass")
        }
        good = [one for one in self.signed if one[0] in passed and aligned(one[0], domain, mode)]
        return max(good, key=lambda one: len(one[1]), default=None)


def read(raw: bytes) -> Arrived | None:
    """None for a mail that is no test mail of ours."""
    mail = message_from_bytes(raw)
    try:
        probe_id = UUID(hex=str(mail.get(HEADER, "")).strip())
    except ValueError:
        return None
    return Arrived(probe_id, _results(mail), _signatures(mail))


def _results(mail: Message) -> tuple[Result, ...]:
    """Of the topmost line alone: it is the receiving server's, those below anybody may write."""
    lines = mail.get_all("Authentication-Results") or []
    if not lines:
        return ()
    text = _plain(str(lines[0]))
    parts = text.split(";")[1:]  # the first names the server
    return tuple(found for part in parts if (found := _result(part)))


def _plain(text: str) -> str:
    text = " ".join(text[:_MOST].split())
    while (shorter := _COMMENT.sub(" ", text)) != text:
        text = shorter
    return text


def _result(part: str) -> Result | None:
    named = _RESULT.match(part)
    if named is None:
        return None
    said = {f"{kind}.{name}".lower(): value for kind, name, value in _PROPERTY.findall(part)}
    domain = said.get("header.d") or said.get("header.i") or said.get("smtp.mailfrom") or ""
    host = domain.rpartition("@")[2].rstrip(".").lower()
    return Result(named[1].lower(), named[2].lower(), host)


def _signatures(mail: Message) -> tuple[tuple[str, frozenset[str]], ...]:
    found = []
    for line in mail.get_all("DKIM-Signature") or []:
        tags = {name.lower(): value for name, value in _TAG.findall(str(line)[:_MOST])}
        names = "".join(tags.get("h", "").split()).lower().split(":")
        domain = "".join(tags.get("d", "").split()).rstrip(".").lower()
        found.append((domain, frozenset(filter(None, names))))
    return tuple(found)
