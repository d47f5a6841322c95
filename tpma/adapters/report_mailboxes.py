"""Where returned mail lies: a Maildir on this machine, or a mailbox reached by IMAP.

A mail is put aside only after what it says has been committed, so a death in between means that it
is read again, and applying a report twice changes nothing.
"""

import imaplib
import os
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tpma.adapters.dsn import MOST_BYTES
from tpma.core.errors import Unavailable
from tpma.core.servers import MailServer, Protection

_SECONDS = 30.0
ASIDE = "tpma-read"  # what was read, whatever it was: nothing is ever deleted


@dataclass(frozen=True, slots=True)
class Letter:
    key: str
    raw: bytes
    received: datetime


class ReportMailbox(Protocol):
    def letters(self, most: int) -> list[Letter]:
        """What is waiting, oldest first. Raises Unavailable."""
        ...

    def put_aside(self, keys: Sequence[str]) -> None:
        """Never offered again; what is gone already is no fault. Raises Unavailable."""
        ...

    def reach(self) -> str:
        """One line for `tpma doctor`. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class MaildirReports:
    """A Maildir a mail server delivers to. Mails go to its folder `.tpma-read`."""

    path: Path

    def letters(self, most: int) -> list[Letter]:
        found = []
        for name in self._waiting()[:most]:
            with suppress(FileNotFoundError):  # another worker put it aside
                found.append(self._letter(name))
        return found

    def put_aside(self, keys: Sequence[str]) -> None:
        aside = self.path / f".{ASIDE}"
        try:
            for folder in ("cur", "new", "tmp"):
                (aside / folder).mkdir(parents=True, exist_ok=True)
            for key in keys:
                base = Path(key).name.partition(":")[0]
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
        try:
            with (self.path / name).open("rb") as file:
                received = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
                return Letter(name, file.read(MOST_BYTES), received)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._broken(error) from error

    def _broken(self, error: OSError) -> Unavailable:
        return Unavailable(f"Maildir {self.path}: {error.strerror}")


@dataclass(frozen=True, slots=True)
class Seed:
    """A mailbox test mails are sent to, read as those of returned mail are."""

    address: str
    mailbox: ReportMailbox

    def letters(self, most: int) -> list[Letter]:
        return self.mailbox.letters(most)

    def put_aside(self, keys: Sequence[str]) -> None:
        self.mailbox.put_aside(keys)


_UID = re.compile(rb"\d+")
_RECEIVED = re.compile(rb'INTERNALDATE "([^"]+)"')


class ImapReports:
    """A mailbox behind IMAP. Mails go to the mailbox `tpma-read`; each look is a connection."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._folder = server.folder or "INBOX"

    def letters(self, most: int) -> list[Letter]:
        with self._connected() as mailbox:
            numbering = _numbering(mailbox)
            uids = self._waiting(mailbox)[:most]
            return [letter for uid in uids if (letter := _fetched(mailbox, numbering, uid))]

    def put_aside(self, keys: Sequence[str]) -> None:
        """Keys are UIDs with the mailbox's UIDVALIDITY: numbered anew, they mean nothing, and
        the mails are offered once more."""
        with self._connected() as mailbox:
            now = _numbering(mailbox)
            uids = [uid for numbering, _dot, uid in (k.partition(".") for k in keys)
                    if numbering == now]  # fmt: skip
            if not uids:
                return
            several = ",".join(uids)
            if "MOVE" in mailbox.capabilities:  # RFC 6851
                _ok(mailbox.uid("MOVE", several, ASIDE))
            else:
                _ok(mailbox.uid("COPY", several, ASIDE))
                _ok(mailbox.uid("STORE", several, "+FLAGS.SILENT", r"(\Deleted)"))
                _ok(mailbox.expunge())

    def reach(self) -> str:
        with self._connected() as mailbox:
            waiting = len(self._waiting(mailbox))
        return f"reports from IMAP {self._server} {self._folder}: {waiting} waiting"

    @contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        try:
            mailbox = self._connection()
            try:
                mailbox.login(self._server.user, self._server.password)
                mailbox.create(ASIDE)  # "NO" when it is there
                _ok(mailbox.select(_quoted(self._folder)))
                yield mailbox
            finally:
                with suppress(OSError, imaplib.IMAP4.error):
                    mailbox.logout()
        except (OSError, imaplib.IMAP4.error) as error:
            raise Unavailable(f"IMAP server {self._server}: {error}") from error

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

    def _waiting(self, mailbox: imaplib.IMAP4) -> list[str]:
        found = _ok(mailbox.uid("SEARCH", "UNDELETED"))
        return [uid.decode() for uid in _UID.findall(found[0] or b"")]


def _numbering(mailbox: imaplib.IMAP4) -> str:
    """UIDVALIDITY of the mailbox that is open."""
    _name, told = mailbox.response("UIDVALIDITY")
    return told[0].decode("ascii", "replace") if told and told[0] else ""


def _fetched(mailbox: imaplib.IMAP4, numbering: str, uid: str) -> Letter | None:
    """The beginning of a mail, without marking it as read; None if it is gone."""
    told = _ok(mailbox.uid("FETCH", uid, f"(INTERNALDATE BODY.PEEK[]<0.{MOST_BYTES}>)"))
    for part in told:
        if isinstance(part, tuple):
            return Letter(f"{numbering}.{uid}", part[1], _received(part[0]))
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
