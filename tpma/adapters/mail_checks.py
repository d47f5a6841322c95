"""What every way out asks of an envelope before a byte of it leaves.

Libraries check almost nothing of this, and a line break in the wrong place opens another header,
another SMTP command or, after a lone dot, another mail.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from tpma.ports.mail import Envelope

MOST_BYTES = 10 * 1024 * 1024
LONGEST_LINE = 998  # RFC 5322, 2.1.1

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
_NOT_TEXT = re.compile(rb"[^\t\r\n -~]")
_NAME = re.compile(rb"([!-9;-~]+):")
_NAMES = re.compile(rb"(?:\A|\r\n)([!-9;-~]+):")
# Names, printable ASCII, folded lines: what a header of ours is, seen in one look.
_CLEAN = re.compile(rb"(?:[!-9;-~]++:[\t -~]*+\r\n(?:[\t ][\t -~]*+\r\n)*+)++")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TAGS = re.compile(r"(?:[A-Za-z0-9_-]{1,256} )*")
_ONCE = frozenset(
    {
        b"from",
        b"to",
        b"subject",
        b"date",
        b"message-id",
        b"reply-to",
        b"list-unsubscribe",
        b"list-unsubscribe-post",
    }
)


def problems(envelope: Envelope) -> list[str]:
    """Why this is no clean mail to one person; empty when it is."""
    raw = envelope.raw
    found = []
    if len(raw) > MOST_BYTES:
        found.append("larger than 10 MB")
    if not all(map(is_address, (envelope.mail_from, envelope.rcpt_to))):
        found.append("addresses must be plain ASCII, one each, without quotes")
    if _has_bare_ends(raw):
        found.append("a line ends otherwise than by CR LF")
    if _has_long_line(raw):
        found.append(f"a line is longer than {LONGEST_LINE} characters")
    return found + _header_problems(raw.partition(b"\r\n\r\n")[0])


def tag_problems(tags: Mapping[str, str]) -> list[str]:
    written = " ".join((*tags, *tags.values(), ""))
    if _TAGS.fullmatch(written) and written.count(" ") == 2 * len(tags):
        return []
    return [
        f"tag {name} has characters SES refuses"
        for name, value in tags.items()
        if not _TAG.fullmatch(name) or not _TAG.fullmatch(value)
    ]


def is_address(text: str) -> bool:
    """One address a command line can carry; SMTPUTF8 (RFC 6531) and quoted names are refused."""
    return _ADDRESS.fullmatch(text) is not None


def header_names(raw: bytes) -> list[bytes]:
    """The header names of a mail, in order and in lower case."""
    head = raw.partition(b"\r\n\r\n")[0]
    return [name.lower() for name in _NAMES.findall(head)]


def _header_problems(head: bytes) -> list[str]:
    found = [] if _CLEAN.fullmatch(head + b"\r\n") else _unclean(head)
    return found + _name_problems(tuple(header_names(head)))


@lru_cache(maxsize=64)
def _name_problems(names: tuple[bytes, ...]) -> list[str]:
    found = []
    if any(name == b"bcc" or name.startswith(b"x-ses-") for name in names):
        found.append("a header a provider would act on")
    if len(set(names)) < len(names) and any(
        names.count(name) > 1 for name in _ONCE.intersection(names)
    ):
        found.append("a header that may stand once stands twice")
    if b"from" not in names:
        found.append("no From header")
    return found


def _unclean(head: bytes) -> list[str]:
    """What is wrong with a header that is not made of clean lines."""
    found = []
    if _NOT_TEXT.search(head):
        found.append("a header holds something else than printable ASCII")
    first, *others = head.split(b"\r\n")
    if not all(map(_NAME.match, (first, *(line for line in others if line[:1] not in b" \t")))):
        found.append("a header line has no name")
    return found or ["a header line ends otherwise than by CR LF"]


def _has_bare_ends(raw: bytes) -> bool:
    lines = raw.splitlines()  # at a lone LF and a lone CR as well
    if len(b"".join(lines)) + 2 * len(lines) == len(raw):
        return False  # each ends by two bytes: in half the time it takes to count them
    return not raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")


def _has_long_line(raw: bytes) -> bool:
    """Steps from line end to line end, a thousand bytes at a time."""
    start, end = 0, len(raw)
    while end - start > LONGEST_LINE:
        start = raw.rfind(b"\n", start, start + LONGEST_LINE + 2) + 1
        if not start:
            return True
    return False
