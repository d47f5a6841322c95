"""The local outbox: mail stays on this machine, as files a person can open.

A message's file is written aside, synced, then linked to its final name. The name stands for
the message and its generation, so a second send finds the file there and is the first one:
exactly once, whatever dies in between.
"""

import os
import re
from pathlib import Path
from uuid import uuid4

from tpma.adapters import mail_checks
from tpma.ports.mail import Capabilities, Envelope, Lookup, Outcome, Quota, Scope, SendResult

_DISK_PAUSE = 15.0  # seconds a full or broken disk is left in peace
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}")


class OutboxMail:
    name = "outbox"
    capabilities = Capabilities(idempotent=True, leaves_machine=False)

    def __init__(self, folder: Path) -> None:
        self._new = folder / "new"
        self._tmp = folder / "tmp"
        for path in (self._new, self._tmp):
            path.mkdir(parents=True, exist_ok=True)

    def problems(self, envelope: Envelope) -> list[str]:
        """What a provider would refuse is refused here too: better to learn it before."""
        named = [] if _NAME.fullmatch(envelope.name) else ["name is not a safe file name"]
        return named + mail_checks.problems(envelope)

    def send(self, envelope: Envelope, deadline: float) -> SendResult:
        if not _NAME.fullmatch(envelope.name):
            return SendResult(Outcome.REFUSED, code="name")
        try:
            self._keep(envelope)
        except OSError as error:
            # Whatever was done is done: the name makes another try the same mail.
            return SendResult(
                Outcome.NOT_SENT,
                code="disk",
                detail=str(error.strerror),
                scope=Scope.ACCOUNT,
                retry_after=_DISK_PAUSE,
            )
        return SendResult(Outcome.ACCEPTED, provider_id=envelope.name)

    def _keep(self, envelope: Envelope) -> None:
        draft = self._tmp / f"{os.getpid()}-{uuid4().hex}"
        try:
            _write_synced(draft, envelope.raw)
            os.link(draft, self._path(envelope.name))
        except FileExistsError:
            pass  # accepted before: the same message and generation
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(self._new)

    def quota(self) -> Quota | None:
        return None

    def lookup(self, name: str) -> tuple[Lookup, str | None]:
        if self._path(name).exists():
            return Lookup.FOUND, name
        return Lookup.ABSENT_PROVEN, None

    def stored(self, provider_id: str) -> bytes | None:
        if not _NAME.fullmatch(provider_id):
            return None
        try:
            return self._path(provider_id).read_bytes()
        except FileNotFoundError:
            return None

    def forget(self, provider_id: str) -> None:
        if _NAME.fullmatch(provider_id):
            self._path(provider_id).unlink(missing_ok=True)
            _sync_folder(self._new)

    def path_of(self, provider_id: str) -> Path:
        return self._path(provider_id)

    def _path(self, name: str) -> Path:
        return self._new / f"{name}.eml"


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """A new name is only durable when its folder is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
