"""Bytes to and from an SMTP server: whole replies, within a time, or a ConnectionError."""

import re
import select
import socket
import ssl
from dataclasses import dataclass
from time import monotonic

_LONGEST_LINE = 4096  # RFC 5321 allows 512; some servers write more
_MOST_LINES = 128
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")


class Closed(ConnectionError):
    """The server hung up."""


class Garbled(ConnectionError):
    """The server said something that is no SMTP."""


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    text: str  # its lines, without the code

    @property
    def kind(self) -> int:
        """2 done, 3 go on, 4 not now, 5 never."""
        return self.code // 100

    @property
    def enhanced(self) -> str:
        """The status code of RFC 3463, for example 5.1.1, or nothing."""
        found = _ENHANCED.match(self.text)
        return found[1] if found else ""


class Wire:
    """One connection. Every method raises OSError when it cannot be used any more."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._read = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes, seconds: float) -> None:
        """All of it, or an error: then the last bytes have not left."""
        self._sock.settimeout(seconds)
        self._sock.sendall(data)

    def reply(self, seconds: float) -> Reply:
        """The next whole reply. A server that drips is as late as one that is silent."""
        end = monotonic() + seconds
        lines: list[str] = []
        code = b""
        while len(lines) < _MOST_LINES:
            found = _LINE.fullmatch(self._line(end))
            if not found or (code and found[1] != code):
                raise Garbled("not an SMTP reply")
            code = found[1]
            lines.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                return Reply(int(code), "\n".join(lines))
        raise Garbled("a reply without end")

    def _line(self, end: float) -> bytes:
        while (at := self._read.find(b"\n")) < 0:
            if len(self._read) > _LONGEST_LINE:
                raise Garbled("a line without end")
            left = end - monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            self._sock.settimeout(left)
            got = self._sock.recv(4096)
            if not got:
                raise Closed("the server hung up")
            self._read += got
        line = bytes(self._read[:at]).removesuffix(b"\r")
        del self._read[: at + 1]
        return line

    @property
    def is_quiet(self) -> bool:
        """Nothing said and nothing ended that nobody asked for."""
        pending = self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0
        if self._read or pending:
            return False
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return not poll.poll(0)

    def encrypt(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Go on under TLS. What was said in plain text beyond the last reply is an attack."""
        if self._read:
            raise Garbled("bytes before the handshake")
        self._sock.settimeout(seconds)
        self._sock = context.wrap_socket(self._sock, server_hostname=host)

    @property
    def tls(self) -> str:
        """The protocol under which we speak, or nothing."""
        return (self._sock.version() or "") if isinstance(self._sock, ssl.SSLSocket) else ""

    @property
    def certificate_ends(self) -> str:
        shown = self._sock.getpeercert() if isinstance(self._sock, ssl.SSLSocket) else None
        return str((shown or {}).get("notAfter", ""))

    def close(self) -> None:
        self._sock.close()
