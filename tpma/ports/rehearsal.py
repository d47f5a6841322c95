"""A provider to rehearse with: it takes mails and tells events as the real one does, and nothing
that is handed to it leaves this machine."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tpma.ports.events import EventSource
from tpma.ports.mail import MailTransport


@dataclass(frozen=True, slots=True)
class Taken:
    """One mail the provider says it took: its own account, not ours."""

    attempt_id: str  # uuid hex
    size: int  # bytes


class Stage(Protocol):
    """A rehearsal's provider while it runs."""

    @property
    def mail(self) -> MailTransport: ...

    @property
    def events(self) -> EventSource: ...

    def taken(self) -> list[Taken]:
        """What it took, in order; twice if it was given a mail twice."""
        ...


class Theatre(Protocol):
    def open(
        self, home: Path, sender_domains: Sequence[str], seed: int
    ) -> AbstractContextManager[Stage]:
        """A provider that knows these sender domains, keeping its files in `home`; it ends with
        the block, and with this process. Raises Unavailable."""
        ...
