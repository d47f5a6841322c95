"""Where returned mail lies: a Maildir on this machine, or a mailbox reached by IMAP.

A mail is put aside only after what it says has been committed, so a death in between means that it
is read again, and applying a report twice changes nothing.
"""

import imaplib
import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tpma.adapters.dsn import MOST_BYTES, Returned, Sort, read
from tpma.adapters.verp import Verp
from tpma.core.errors import Unavailable
from tpma.core.log import logger
from tpma.core.servers import MailServer, Protection

_log = logger("reports")
_SECONDS = 30.0
ASIDE = "tpma-read"  # what was read, whatever it was: nothing is ever deleted

Apply = Callable[[Returned], None]
"""Commits what a returned mail says; when it returns, the mail may be put aside."""


@dataclass(frozen=True, slots=True)
class Letter:
    key: str
    raw: bytes
    received: datetime


class ReportMailbox(Protocol):
    def letters(self, most: int) -> Iterator[Letter]:
        """What is waiting, oldest first. Raises Unavailable."""
        ...

    def put_aside(self, key: str) -> None:
        """Never offered again. Raises Unavailable."""
        ...

    def reach(self) -> str:
        """One line for `tpma doctor`. Raises Unavailable."""
        ...


def collect(mailbox: ReportMailbox, verp: Verp, apply: Apply, most: int = 100) -> int:
    """Read what is waiting, apply it, then put it aside; how many mails that were."""
    done = 0
    for letter in mailbox.letters(most):
        returned = read(letter.raw, verp, letter.received)
        if returned.sort in {Sort.FORGED, Sort.OTHER}:
            _log.info("returned mail says nothing of ours", sort=returned.sort.value)
        apply(returned)
        mailbox.put_aside(letter.key)
        done += 1
    return done


@dataclass(frozen=True, slots=True)
class MaildirReports:
    """A Maildir a mail server delivers to. Mails go to its folder `.tpma-read`."""

    path: Path

    def letters(self, most: int) -> Iterator[Letter]:
        for name in self._waiting()[:most]:
            with suppress(FileNotFoundError):  # another worker put it aside
                yield self._letter(name)

    def put_aside(self, key: str) -> None:
        aside = self.path / f".{ASIDE}"
        base = Path(key).name.partition(":")[0]
        try:
            for folder in ("cur", "new", "tmp"):
                (aside / folder).mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                os.replace(self.path / key, aside / "cur" / f"{base}:2,S")
        except OSError as error:
            raise self._broken(error) from error

    def reach(self) -> str:
        return f"reports from Maildir {self.path}: {len(self._waiting())} waiting"

    def _waiting(self) -> list[str]:
        """Also `cur`: a person may have looked into the mailbox."""
        try:
            files = [
                (file.stat().st_mtime, f"{folder}/{file.name}")
                for folder in ("new", "cur")
                for file in os.scandir(self.path / folder)
                if file.is_file(follow_symlinks=False) and not file.name.startswith(".")
            ]
        except OSError as error:
            raise self._broken(error) from error
        return [name for _time, name in sorted(files)]

    def _letter(self, name: str) -> Letter:
        with (self.path / name).open("rb") as file:
            received = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
            return Letter(name, file.read(MOST_BYTES), received)

    def _broken(self, error: OSError) -> Unavailable:
        return Unavailable(f"Maildir {self.path}: {error.strerror}")


_UID = re.compile(rb"\d+")
_RECEIVED = re.compile(rb'INTERNALDATE "([^"]+)"')


class ImapReports:
    """A mailbox behind IMAP. Mails go to the mailbox `tpma-read`; each look is a connection."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._folder = server.folder or "INBOX"
        self._open: imaplib.IMAP4 | None = None

    def letters(self, most: int) -> Iterator[Letter]:
        with self._connected() as mailbox:
            self._open = mailbox
            try:
                for uid in self._waiting(mailbox)[:most]:
                    if letter := _fetched(mailbox, uid):
                        yield letter
            finally:
                self._open = None

    def put_aside(self, key: str) -> None:
        """Only while its letter is being read: a UID means nothing in another session."""
        mailbox = self._open
        if mailbox is None:
            raise Unavailable(f"IMAP server {self._server}: not connected")
        with self._told():
            if "MOVE" in mailbox.capabilities:  # RFC 6851
                _ok(mailbox.uid("MOVE", key, ASIDE))
            else:
                _ok(mailbox.uid("COPY", key, ASIDE))
                _ok(mailbox.uid("STORE", key, "+FLAGS.SILENT", r"(\Deleted)"))
                _ok(mailbox.expunge())

    def reach(self) -> str:
        with self._connected() as mailbox:
            waiting = len(self._waiting(mailbox))
        return f"reports from IMAP {self._server} {self._folder}: {waiting} waiting"

    @contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        with self._told():
            mailbox = self._connection()
            try:
                mailbox.login(self._server.user, self._server.password)
                mailbox.create(ASIDE)  # "NO" when it is there
                _ok(mailbox.select(_quoted(self._folder)))
                yield mailbox
            finally:
                with suppress(OSError, imaplib.IMAP4.error):
                    mailbox.logout()

    def _connection(self) -> imaplib.IMAP4:
        host, port = self._server.host, self._server.port
        if self._server.protection is Protection.NONE:
            return imaplib.IMAP4(host, port, timeout=_SECONDS)
        context = ssl.create_default_context(cafile=self._server.ca_file or None)
        if self._server.protection is Protection.TLS:
            return imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=_SECONDS)
        mailbox = imaplib.IMAP4(host, port, timeout=_SECONDS)
        try:
            mailbox.starttls(context)
        except (OSError, imaplib.IMAP4.error):
            mailbox.shutdown()
            raise
        return mailbox

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, imaplib.IMAP4.error) as error:
            raise Unavailable(f"IMAP server {self._server}: {error}") from error

    def _waiting(self, mailbox: imaplib.IMAP4) -> list[str]:
        found = _ok(mailbox.uid("SEARCH", "UNDELETED"))
        return [uid.decode() for uid in _UID.findall(found[0] or b"")]


def _fetched(mailbox: imaplib.IMAP4, uid: str) -> Letter | None:
    """The beginning of a mail, without marking it as read; None if it is gone."""
    told = _ok(mailbox.uid("FETCH", uid, f"(INTERNALDATE BODY.PEEK[]<0.{MOST_BYTES}>)"))
    for part in told:
        if isinstance(part, tuple):
            return Letter(uid, part[1], _received(b" ".join(p for p in part if p is not part[1])))
    return None


def _received(text: bytes) -> datetime:
    found = _RECEIVED.search(text)
    try:
        told = found[1].decode("ascii", "replace") if found else ""
        return datetime.strptime(told.strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        raise imaplib.IMAP4.error("a mail without INTERNALDATE") from None


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _ok(answer: tuple[str, list]) -> list:  # type: ignore[type-arg]
    """What the server told. Raises imaplib's error, which closes the session."""
    status, told = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"{status} {told!r}"[:200])
    return told
