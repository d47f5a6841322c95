"""Quoted-printable (RFC 2045, 6.7) for texts that are put together from encoded runs.

Each run begins and ends at a soft line break, so runs can be joined without looking inside.
"""

import re

SOFT_BREAK = b"=\r\n"
LONGEST = 76  # of a line without its CRLF, RFC 2045

# Nothing to encode, and no line that a mail server could take for a command.
_PLAIN = re.compile(
    r"(?!From )[A-Za-z0-9,;:'()/+_&#-](?:[A-Za-z0-9,;:'()/+_&#. -]{0,70}[A-Za-z0-9,;:'()/+_&#.-])?"
)
_BYTES = [
    bytes([code]) if code in b" \t" or (33 <= code <= 126 and code != 61) else b"=%02X" % code
    for code in range(256)
]


def encode(text: str) -> bytes:
    """The text, its \\n as CRLF, in lines of at most 76; leads no line with a dot or `From `."""
    if _PLAIN.fullmatch(text):
        return text.encode()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return b"\r\n".join(_folded(line.encode()) for line in lines)


def _folded(line: bytes) -> bytes:
    tokens = [_BYTES[code] for code in line]
    if len(line) * 3 < LONGEST and not line.startswith((b".", b"From ")) and line[-1:].strip():
        return b"".join(tokens)
    if tokens and tokens[-1] in (b" ", b"\t"):
        tokens[-1] = b"=%02X" % line[-1]
    rows: list[bytes] = []
    row: list[bytes] = []
    width = 0
    for at, token in enumerate(tokens):
        if width + len(token) > LONGEST - 1:
            rows.append(b"".join(row))
            row, width = [], 0
        if not row:
            token = _line_start(token, line, at)
        row.append(token)
        width += len(token)
    rows.append(b"".join(row))
    return SOFT_BREAK.join(rows)


def _line_start(token: bytes, line: bytes, at: int) -> bytes:
    if token == b"." or (token == b"F" and line.startswith(b"From ", at)):
        return b"=%02X" % line[at]
    return token
