"""A session with an SMTP server: opened, introduced, encrypted and signed in; then kept for many
mails."""

import base64
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from time import monotonic

from tpma.adapters.smtp_wire import Garbled, Reply, Wire
from tpma.core.servers import MailServer, Protection


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `connect` and `end` together are the longest call the engine reckons with: the
    last bytes are written in time for their reply."""

    connect: float = 5  # also to write the last bytes
    command: float = 15
    end: float = 30  # for the reply to a whole mail


class NotOpened(Exception):
    """The server is there and will not have us: `step` and what it said."""

    def __init__(self, step: str, reply: Reply) -> None:
        super().__init__(f"{step}: {reply.code} {reply.text}")
        self.step = step
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Command:
    step: str
    line: bytes
    wanted: int  # kind of the reply


class Session:
    """One connection between mails. `step` says how far the current one has come."""

    def __init__(self, wire: Wire, patience: Patience) -> None:
        self.wire = wire
        self.features: Mapping[str, str] = {}
        self.mails = 0  # handed over so far
        self.step = ""
        self.is_open = True
        self.last_used = monotonic()
        self._patience = patience
        self._pid = os.getpid()

    @property
    def size_limit(self) -> int:
        """Bytes the server takes; 0 when it did not say."""
        told = self.features.get("SIZE", "")
        return int(told) if told.isascii() and told.isdigit() else 0

    @property
    def is_ours(self) -> bool:
        """Not after a fork: two processes on one connection would mix their mails."""
        return self._pid == os.getpid()

    def begin(self) -> None:
        self.step = "MAIL"

    def ask(self, commands: list[Command]) -> tuple[str, Reply] | None:
        """Say the commands, in one write where the server allows; the first refusal, if any."""
        pipelined = "PIPELINING" in self.features
        if pipelined:
            self._write(b"".join(command.line for command in commands))
        refusal: tuple[str, Reply] | None = None
        for command in commands:
            self.step = command.step
            if not pipelined:
                self._write(command.line)
            reply = self._reply()
            if reply.kind != command.wanted:
                refusal = refusal or (command.step, reply)
                if reply.code == 421 or not pipelined:
                    break
            elif refusal and reply.kind == 3:
                self.close()  # it waits for a mail that nobody is to get: no dot, ever
        if refusal and refusal[1].code == 421:
            self.close()
        return refusal

    def say(self, line: bytes) -> Reply:
        self._write(line)
        return self._reply()

    def _write(self, data: bytes) -> None:
        self.wire.write(data, self._patience.command)

    def _reply(self) -> Reply:
        return self.wire.reply(self._patience.command)

    def reset(self) -> None:
        """Forget a mail that was turned down; a session that cannot is over."""
        if not self.is_open:
            return
        try:
            if self.say(b"RSET\r\n").kind != 2:
                self.close()
        except OSError:
            self.close()

    def quit(self) -> None:
        """Go politely. The answer is not worth waiting for."""
        if self.is_open and self.is_ours:
            with suppress(OSError):
                self.wire.write(b"QUIT\r\n", 1)
        self.close()

    def close(self) -> None:
        self.is_open = False
        self.wire.close()


class SmtpDoor:
    """Opens sessions with one server."""

    def __init__(self, server: MailServer, helo: str, patience: Patience) -> None:
        self.server = server
        self._helo = helo.encode("ascii")
        self._patience = patience
        self._context = (
            ssl.create_default_context(cafile=server.ca_file or None)
            if server.protection is not Protection.NONE
            else None
        )

    def open(self) -> Session:
        """A session ready for mails. Raises OSError or NotOpened."""
        sock = socket.create_connection(
            (self.server.host, self.server.port), timeout=self._patience.connect
        )
        session = Session(Wire(sock), self._patience)
        with ExitStack() as undo:
            undo.callback(session.close)
            self._introduce(session)
            undo.pop_all()
        return session

    def _introduce(self, session: Session) -> None:
        if self.server.protection is Protection.TLS:
            self._encrypt(session)
        _expect("GREETING", session.wire.reply(self._patience.command), 2)
        self._hello(session)
        if self.server.protection is Protection.STARTTLS:
            if "STARTTLS" not in session.features:
                raise NotOpened("STARTTLS", Reply(502, "the server offers no STARTTLS"))
            _expect("STARTTLS", session.say(b"STARTTLS\r\n"), 2)
            self._encrypt(session)
            self._hello(session)
        if self.server.user:
            self._sign_in(session)
        session.last_used = monotonic()

    def _encrypt(self, session: Session) -> None:
        if self._context is None:
            raise Garbled("no TLS context")
        session.wire.encrypt(self._context, self.server.host, self._patience.command)

    def _hello(self, session: Session) -> None:
        reply = _expect("EHLO", session.say(b"EHLO %s\r\n" % self._helo), 2)
        session.features = features_of(reply.text)

    def _sign_in(self, session: Session) -> None:
        offered = session.features.get("AUTH", "").upper().split()
        user, password = self.server.user.encode(), self.server.password.encode()
        if "PLAIN" in offered:
            token = base64.b64encode(b"\0" + user + b"\0" + password)
            _expect("AUTH", session.say(b"AUTH PLAIN %s\r\n" % token), 2)
        elif "LOGIN" in offered:
            _expect("AUTH", session.say(b"AUTH LOGIN\r\n"), 3)
            _expect("AUTH", session.say(base64.b64encode(user) + b"\r\n"), 3)
            _expect("AUTH", session.say(base64.b64encode(password) + b"\r\n"), 2)
        else:
            raise NotOpened("AUTH", Reply(504, "the server offers neither PLAIN nor LOGIN"))


def features_of(text: str) -> dict[str, str]:
    """What an EHLO reply offers, by keyword in upper case."""
    found: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        keyword, _space, parameters = line.replace("=", " ", 1).partition(" ")
        name = keyword.upper()
        found[name] = f"{found.get(name, '')} {parameters}".strip()
    return found


def _expect(step: str, reply: Reply, wanted: int) -> Reply:
    if reply.kind != wanted:
        raise NotOpened(step, reply)
    return reply
