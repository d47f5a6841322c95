"""SMTP, one recipient a transaction, every failure judged by the step it was reached at.

`smtplib.sendmail` raises the same exception for a connection lost before DATA (nothing left) and
after the final dot (nobody knows). So the steps are driven here: until the last bytes of the mail
are written nothing can have been accepted; from then until the reply the mail is in doubt; every
4xx and 5xx, also the one to the dot, is the server's word that it did not take it.
"""

import re
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tpma.adapters import mail_checks
from tpma.adapters.smtp_session import Command, NotOpened, Patience, Session, SmtpDoor
from tpma.adapters.smtp_wire import Garbled, Reply
from tpma.adapters.verp import ATTEMPT, Verp
from tpma.core.errors import Invalid, Unavailable
from tpma.core.servers import MailServer
from tpma.ports.mail import Capabilities, Envelope, Lookup, Outcome, Quota, Scope, SendResult

_NETWORK_PAUSE = 5.0  # seconds before a server that cannot be reached is asked again
_BUSY_PAUSE = 60.0  # after "not now"
_SETTINGS_PAUSE = 300.0  # after something only the operator can mend
_SIGN_IN = frozenset({530, 534, 535, 538})  # RFC 4954: about us, not about the mail
# Postfix and Mailpit, Exim, Amazon SES; the first that is found
_QUEUE_IDS = (
    re.compile(r"queued as <?([\w.@-]{5,100})", re.IGNORECASE),
    re.compile(r"\bid=<?([\w.@-]{5,100})", re.IGNORECASE),
    re.compile(r"^(?:2\.\d\.\d )?Ok:? ([\w.@-]{5,100})$", re.IGNORECASE),
)
_NOT_SENT, _REFUSED, _MAYBE = Outcome.NOT_SENT, Outcome.REFUSED, Outcome.MAYBE
_LATE = SendResult(_NOT_SENT, code="DeadlinePassed")

Signing = Callable[[bytes, str, str], bytes]  # the mail, its From address, d= if another's


class _Stale(Exception):
    """A kept connection turned out to have ended before this mail's first command."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a connection is used."""

    mails: int = 100
    idle_seconds: float = 30  # servers hang up after minutes; some relays sooner


class SmtpMail:
    name = "smtp"
    capabilities = Capabilities(idempotent=False, leaves_machine=True, parallel=True)

    def __init__(
        self,
        server: MailServer,
        verp: Verp,
        *,
        helo: str,
        sign: Signing | None = None,
        patience: Patience | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._keeping = keeping or Keeping()
        self._door = SmtpDoor(server, helo, self._patience)
        self._verp = verp
        self._sign = sign
        # Whoever sends takes one and gives it back: never more than there are threads sending.
        self._idle: deque[Session] = deque()
        weakref.finalize(self, _quit_all, self._idle)  # also when the process ends

    def problems(self, envelope: Envelope) -> list[str]:
        found = mail_checks.problems(envelope)
        if not ATTEMPT.fullmatch(envelope.attempt_id):
            found.append("the attempt is no 32 hexadecimal digits")
        return found

    def send(self, envelope: Envelope, deadline: float) -> SendResult:
        if found := self.problems(envelope):
            return SendResult(_REFUSED, code="invalid", detail="; ".join(found)[:200])
        try:
            raw = self._signed(envelope)
        except Invalid as error:
            return SendResult(_REFUSED, code="dkim", detail=error.message[:200])
        if _is_past(deadline):
            return _LATE
        try:
            return self._deliver(envelope, raw, deadline)
        except NotOpened as error:
            return _unwelcome(error)
        except OSError as error:
            return _lost("CONNECT", error)

    def quota(self) -> Quota | None:
        return None

    def lookup(self, name: str) -> tuple[Lookup, str | None]:
        return Lookup.UNKNOWN, None  # a bounce may tell one day; nothing else does

    def forget(self, provider_id: str) -> None:
        """Nothing is kept here."""

    def stored(self, provider_id: str) -> bytes | None:
        return None

    def reach(self) -> str:
        """What the server says of itself, without sending anything. Raises Unavailable."""
        try:
            session = self._door.open()
        except (OSError, NotOpened) as error:
            raise Unavailable(f"SMTP server {self._door.server}: {error}") from error
        wire = session.wire
        line = wire.tls or "no TLS"
        if wire.certificate_ends:
            line += f" (certificate until {wire.certificate_ends})"
        wanted = ("PIPELINING", "CHUNKING", "8BITMIME", "DSN", "SIZE")
        offered = [f"{name} {session.features[name]}".strip() for name in wanted
                   if name in session.features]  # fmt: skip
        session.quit()
        return f"SMTP server {self._door.server}: {line}; {', '.join(offered) or 'no extensions'}"

    def close(self) -> None:
        _quit_all(self._idle)

    def _deliver(self, envelope: Envelope, raw: bytes, deadline: float) -> SendResult:
        kept = self._kept()
        if kept is not None:
            try:
                return self._transact(kept, envelope, raw, deadline)
            except _Stale:
                pass  # proven that nothing left; a new connection may try, once
        return self._transact(self._door.open(), envelope, raw, deadline)

    def _signed(self, envelope: Envelope) -> bytes:
        if self._sign is None:
            return envelope.raw
        return self._sign(envelope.raw, envelope.mail_from, envelope.dkim_domain)

    def _kept(self) -> Session | None:
        """A connection that is still good as far as can be seen from here."""
        oldest = time.monotonic() - self._keeping.idle_seconds
        while self._idle:
            try:
                session = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if session.is_ours and session.last_used > oldest and session.wire.is_quiet:
                return session
            session.quit()
        return None

    def _give_back(self, session: Session) -> None:
        session.last_used = time.monotonic()
        if not session.is_open:
            return
        if session.mails < self._keeping.mails and session.wire.is_quiet:
            self._idle.append(session)
        else:
            session.quit()

    def _transact(
        self, session: Session, envelope: Envelope, raw: bytes, deadline: float
    ) -> SendResult:
        session.begin()
        try:
            result = self._steps(session, envelope, raw, deadline)
        except OSError as error:
            session.close()
            if session.step == "MAIL" and session.mails:
                raise _Stale from error
            return _lost(session.step, error)
        self._give_back(session)
        return result

    def _steps(
        self, session: Session, envelope: Envelope, raw: bytes, deadline: float
    ) -> SendResult:
        if unfit := _unfit(session, raw):
            return unfit
        refusal = session.ask(self._commands(session, envelope, raw))
        if refusal is not None:
            step, reply = refusal
            if reply.code == 421 and step == "MAIL" and session.mails:
                raise _Stale  # its good-bye after too long a silence
            return self._turned_down(session, step, reply)
        body, end = _framed(session, raw)
        session.step = "BODY"
        session.wire.write(body, self._patience.end)
        if not session.wire.is_quiet:  # it objects before it has seen the end
            return self._turned_down(session, "BODY", session.wire.reply(1))
        if _is_past(deadline):
            session.close()  # without its end the mail is none
            return _LATE
        session.wire.write(end, self._patience.connect)
        session.step = "END"
        return self._judged(session, envelope, session.wire.reply(self._patience.end))

    def _commands(self, session: Session, envelope: Envelope, raw: bytes) -> list[Command]:
        sender = self._verp.address(envelope.attempt_id, envelope.bounce_domain)
        recipient = envelope.rcpt_to
        mail, rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"
        if "SIZE" in session.features:
            mail += f" SIZE={len(raw)}"
        if not raw.isascii():
            mail += " BODY=8BITMIME"
        if "DSN" in session.features:  # RFC 3461
            mail += f" RET=HDRS ENVID={envelope.attempt_id}"
            rcpt += " NOTIFY=FAILURE,DELAY"
        asked = [
            Command("MAIL", f"{mail}\r\n".encode("ascii"), 2),
            Command("RCPT", f"{rcpt}\r\n".encode("ascii"), 2),
        ]
        return asked if _chunks(session) else [*asked, Command("DATA", b"DATA\r\n", 3)]

    def _turned_down(self, session: Session, step: str, reply: Reply) -> SendResult:
        """Before the end of the mail: whatever was said, nothing was accepted."""
        if step == "BODY" or reply.kind not in (4, 5):
            session.close()
        else:
            session.reset()
        return _refusal(step, reply)

    def _judged(self, session: Session, envelope: Envelope, reply: Reply) -> SendResult:
        """The reply to the whole mail."""
        session.mails += 1
        if reply.kind == 2:
            return SendResult(
                Outcome.ACCEPTED,
                _queue_id(reply.text) or envelope.attempt_id,
                code=_code("END", reply),
                detail=reply.text[:200],
            )
        if reply.kind not in (4, 5):
            raise Garbled(f"{reply.code} to a whole mail")
        if reply.code == 421:
            session.close()
        return _refusal("END", reply)


def _quit_all(idle: deque[Session]) -> None:
    while idle:
        idle.pop().quit()


def _is_past(deadline: float) -> bool:
    return time.clock_gettime(time.CLOCK_BOOTTIME) > deadline


def _chunks(session: Session) -> bool:
    return "CHUNKING" in session.features


def _unfit(session: Session, raw: bytes) -> SendResult | None:
    """What this server said it does not take; nothing is asked of it."""
    if 0 < session.size_limit < len(raw):
        return SendResult(_REFUSED, code="SIZE", detail=f"the server takes {session.size_limit}")
    if "8BITMIME" not in session.features and not raw.isascii():
        return SendResult(_REFUSED, code="8BITMIME", detail="the server takes 7-bit mails only")
    return None


def _framed(session: Session, raw: bytes) -> tuple[bytes, bytes]:
    """The mail as DATA or BDAT carries it, and apart from it the last bytes, without which it
    is no mail: the clock is read between the two."""
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    if _chunks(session):  # RFC 3030: counted, so nothing in it can be taken for its end
        return b"BDAT %d LAST\r\n" % len(raw) + raw[:-2], raw[-2:]
    if b"\r\n." in raw or raw.startswith(b"."):
        raw = (b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:]
    return raw, b".\r\n"


def _queue_id(text: str) -> str | None:
    found = (pattern.search(text) for pattern in _QUEUE_IDS)
    return next((match[1] for match in found if match), None)


def _code(step: str, reply: Reply) -> str:
    return f"{step} {reply.code} {reply.enhanced}".rstrip()


def _refusal(step: str, reply: Reply) -> SendResult:
    """A 4xx, a 5xx or nonsense, said of one step."""
    code, detail = _code(step, reply), reply.text[:200]
    if reply.code in _SIGN_IN:
        return SendResult(_NOT_SENT, None, code, detail, Scope.ACCOUNT, _SETTINGS_PAUSE)
    if reply.kind == 5:
        scope = Scope.IDENTITY if step == "MAIL" else Scope.MESSAGE
        return SendResult(_REFUSED, None, code, detail, scope)
    whole = reply.code == 421 or step == "MAIL" or reply.kind != 4
    scope = Scope.ACCOUNT if whole else Scope.MESSAGE
    return SendResult(_NOT_SENT, None, code, detail, scope, _BUSY_PAUSE)


def _unwelcome(error: NotOpened) -> SendResult:
    """Refused before any mail was named: about us, whatever the number."""
    pause = _BUSY_PAUSE if error.reply.kind == 4 else _SETTINGS_PAUSE
    code = _code(error.step, error.reply)
    return SendResult(_NOT_SENT, None, code, error.reply.text[:200], Scope.ACCOUNT, pause)


def _lost(step: str, error: OSError) -> SendResult:
    """The connection failed. Only between the last byte and the reply does that leave a doubt:
    a write that failed did not write the last byte."""
    code, detail = f"{step} {type(error).__name__}", str(error)[:200]
    if step == "END":
        return SendResult(_MAYBE, code=code, detail=detail)
    return SendResult(_NOT_SENT, None, code, detail, Scope.ACCOUNT, _NETWORK_PAUSE)
