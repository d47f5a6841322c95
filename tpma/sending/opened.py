"""A kept mail taken apart for a person to look at. Pure: bytes in, parts out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern

from selectolax.lexbor import LexborHTMLParser

from tpma.core.errors import NotFound
from tpma.core.signing import TOKEN_LENGTH, link_index
from tpma.launches.models import Link
from tpma.sending.findings import Sample
from tpma.sending.mail_rules import body_faults, header_faults

_PIXEL = re.compile(r'src="[^"]*/o/[A-Za-z0-9_-]{24}\.gif"')
_NOTHING = 'src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"'
_CLICK = re.compile(rf"/c/([A-Za-z0-9_-]{{{TOKEN_LENGTH}}})([A-Za-z0-9_-])$")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link of the mail. `key` is its name in the launch, "" if it is not a tracked one."""

    address: str
    words: str
    key: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    raw: bytes
    headers: list[tuple[str, str]]
    html: str
    text: str

    @property
    def size(self) -> int:
        return len(self.raw)

    @property
    def source(self) -> str:
        return self.raw.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")


def opened(raw: bytes) -> Opened:
    parsed = message_from_bytes(raw, policy=modern)
    return Opened(
        raw=raw,
        headers=[(name, str(value)) for name, value in parsed.items()],
        html=_body(parsed, "html"),
        text=_body(parsed, "plain"),
    )


def _body(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def shown_html(mail: Opened) -> str:
    """The HTML for a sandboxed frame: looking at it is no open, and its links stay shut."""
    quiet = _PIXEL.sub(_NOTHING, mail.html)
    return re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', quiet, count=1)


def anchors(mail: Opened, links: Mapping[int, Link]) -> list[Anchor]:
    """Each address of the mail once, in the order they appear, with what the launch calls it."""
    found: dict[str, Anchor] = {}
    for node in LexborHTMLParser(mail.html).css("a[href]:not([aria-hidden])"):
        address = node.attributes.get("href") or ""
        if address not in found or not found[address].words:
            found[address] = _anchor(address, " ".join(node.text().split()), links)
    if not mail.html:
        found = {a: Anchor(a, "") for a in dict.fromkeys(_ADDRESS.findall(mail.text))}
    return list(found.values())


def _anchor(address: str, words: str, links: Mapping[int, Link]) -> Anchor:
    tracked = _CLICK.search(address)
    link = links.get(_number(tracked[2])) if tracked else None
    return Anchor(address, words, link.key, link.target) if link else Anchor(address, words)


def _number(character: str) -> int:
    try:
        return link_index(character)
    except NotFound:
        return -1


@dataclass(frozen=True, slots=True)
class Guarantees:
    """What every mail of a launch has, looked up in this one's bytes."""

    one_click: bool
    footer: bool
    complete: bool
    size: int  # bytes
    once: bool


def guarantees(mail: Opened, code: str, legal_name: str, copies: int) -> Guarantees:
    sample = Sample("", "", mail.raw, mail.html, mail.text)
    return Guarantees(
        one_click=not header_faults(sample),
        footer=all(legal_name in _flat(part) for part in (mail.text, _words(mail.html))),
        complete=not body_faults(sample, code),
        size=mail.size,
        once=copies == 1,
    )


def _words(html: str) -> str:
    body = LexborHTMLParser(html).body
    return body.text(separator=" ") if body is not None else ""


def _flat(text: str) -> str:
    """Without the marks that isolate a name in a right-to-left text, and on one line."""
    return " ".join(text.translate({0x2068: None, 0x2069: None}).split())
