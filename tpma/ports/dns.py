"""What DNS says, asked as the owner of a domain would ask it: at the servers of its own zone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Told(StrEnum):
    FOUND = "found"
    NO_NAME = "no_name"  # there is nothing of that name
    NO_DATA = "no_data"  # the name is there, without a record of that kind
    FAILED = "failed"  # nobody answered, or not with an answer: it proves nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """`values` as text: a TXT record joined, an MX as "10 host", hosts without the last dot."""

    told: Told
    values: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()  # servers of the zone that answer otherwise than the first

    @property
    def is_absent(self) -> bool:
        return self.told in {Told.NO_NAME, Told.NO_DATA}


NOTHING = Answer(Told.NO_NAME)


class DnsReader(Protocol):
    def ask(self, name: str, kind: str) -> Answer:
        """The records of a kind (TXT, CNAME, MX, A) at a name. Never raises."""
        ...
