"""An SMTP server that does as it is told, step by step, and keeps what reaches it."""

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

SAID = {
    "GREETING": b"220 mx.example ESMTP\r\n",
    "STARTTLS": b"220 go on\r\n",
    "AUTH": b"235 2.7.0 welcome\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
    "RCPT": b"250 2.1.5 ok\r\n",
    "DATA": b"354 end with a dot\r\n",
    "END": b"250 2.0.0 Ok: queued as 4F3D2A1B0C\r\n",
    "RSET": b"250 2.0.0 ok\r\n",
    "NOOP": b"250 2.0.0 ok\r\n",
    "QUIT": b"221 2.0.0 bye\r\n",
}
Act = bytes | Callable[["Talk"], None]


class Gone(Exception):
    """The conversation is over."""


@dataclass
class Mail:
    connection: int
    mail: str
    rcpt: str
    raw: bytes
    kept: bool  # not refused after all


@dataclass
class ScriptedSmtp:
    """`script` maps a step to what is said or done; a list is used up, one entry a time."""

    features: list[str] = field(default_factory=lambda: ["PIPELINING", "8BITMIME", "DSN", "SIZE"])
    script: dict[str, Act | list[Act | None]] = field(default_factory=dict)
    got: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    impatient: bool = False  # answers nothing until the commands of a mail are all there

    def __enter__(self) -> "ScriptedSmtp":
        self.over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                sock, _peer = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            talk = Talk(self, sock, self.connections)
            self._threads.append(threading.Thread(target=talk.run))
            self._threads[-1].start()

    def act(self, step: str) -> Act:
        told = self.script.get(step)
        if isinstance(told, list):
            told = told.pop(0) if told else None
        return SAID[step] if told is None else told


class Talk:
    """One connection."""

    def __init__(self, server: ScriptedSmtp, sock: socket.socket, number: int) -> None:
        self.server = server
        self.sock = sock
        self.number = number
        self.buffer = b""
        self.answers = b""
        self.mail = self.rcpt = ""

    def run(self) -> None:
        self.sock.settimeout(0.05)
        try:
            self.do("GREETING")
            while True:
                self.command(self.until(b"\r\n").decode("latin-1"))
        except (Gone, OSError):
            pass
        finally:
            self.sock.close()

    def command(self, line: str) -> None:
        self.server.commands.append(line)
        verb = line.split(" ")[0].upper()
        if verb == "EHLO":
            told = self.server.script.get("EHLO")
            if callable(told) or isinstance(told, bytes):
                return self.perform(told)
            lines = ["mx.example", *self.server.features]
            return self.say(
                b"".join(
                    f"250{' ' if n == len(lines) - 1 else '-'}{text}\r\n".encode()
                    for n, text in enumerate(lines)
                )
            )
        if verb == "MAIL":
            self.mail, self.rcpt = line, ""
        elif verb == "RCPT":
            self.rcpt = line
        elif verb == "BDAT":
            return self.bdat(int(line.split(" ")[1]))
        self.do(verb)
        if verb == "DATA" and self.answers_said.startswith(b"354"):
            self.data()
        elif verb == "QUIT":
            raise Gone

    def do(self, step: str) -> None:
        self.perform(self.server.act(step))

    def perform(self, act: Act) -> None:
        self.answers_said = b""
        if callable(act):
            act(self)
        else:
            self.answers_said = act
            self.say(act)

    def data(self) -> None:
        if "BODY" in self.server.script:
            self.more()
            self.do("BODY")
        raw = self.until(b"\r\n.\r\n", keep=b"\r\n")
        self.take((b"\r\n" + raw).replace(b"\r\n.", b"\r\n")[2:])

    def bdat(self, size: int) -> None:
        while len(self.buffer) < size:
            self.more()
        raw, self.buffer = self.buffer[:size], self.buffer[size:]
        self.take(raw)

    def take(self, raw: bytes) -> None:
        act = self.server.act("END")
        kept = callable(act) or not act.startswith((b"4", b"5"))
        self.server.got.append(Mail(self.number, self.mail, self.rcpt, raw, kept))
        self.perform(act)

    def say(self, data: bytes) -> None:
        self.answers += data
        if self.server.impatient and not data.startswith(b"354") and b"250 2.1" in data:
            return  # together with the answer to DATA
        self.sock.sendall(self.answers)
        self.answers = b""

    def until(self, end: bytes, keep: bytes = b"") -> bytes:
        while end not in self.buffer:
            self.more()
        found, _end, self.buffer = self.buffer.partition(end)
        return found + keep

    def more(self) -> None:
        while not self.server.over.is_set():
            try:
                got = self.sock.recv(65536)
            except TimeoutError:
                continue
            if not got:
                break
            self.buffer += got
            return
        raise Gone


def drop(_talk: Talk) -> None:
    """Hang up."""
    raise Gone


def slam(talk: Talk) -> None:
    """Hang up with a reset."""
    talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Gone


def hang(talk: Talk) -> None:
    """Say nothing until the test is over."""
    talk.server.over.wait(20)
    raise Gone


def drip(talk: Talk) -> None:
    """A byte at a time, for ever: alive, and never done."""
    while not talk.server.over.wait(0.05):
        talk.sock.sendall(b"2")
    raise Gone


def after(seconds: float, reply: bytes) -> Callable[[Talk], None]:
    def act(talk: Talk) -> None:
        talk.server.over.wait(seconds)
        talk.answers_said = reply
        talk.say(reply)

    return act


def then_drop(reply: bytes) -> Callable[[Talk], None]:
    def act(talk: Talk) -> None:
        talk.sock.sendall(reply)
        raise Gone

    return act
