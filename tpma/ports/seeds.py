"""A mailbox of the platform's own at an ordinary mail provider: what arrives there is proof."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class SeedLetter(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def raw(self) -> bytes:
        """The mail as it arrived, with the header lines of the receiving server on top."""
        ...

    @property
    def received(self) -> datetime: ...


class SeedMailbox(Protocol):
    @property
    def address(self) -> str: ...

    def letters(self, most: int) -> Sequence[SeedLetter]:
        """What is waiting, oldest first. Raises Unavailable."""
        ...

    def put_aside(self, keys: Sequence[str]) -> None:
        """Never offered again. Raises Unavailable."""
        ...
