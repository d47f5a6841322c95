"""What a partner's home is made of, as plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AskedDeal:
    id: UUID
    ref: str
    account: str
    vendor: str


@dataclass(frozen=True, slots=True)
class WaitingLead:
    id: UUID
    name: str
    company: str
    came_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class OpenLead:
    """Accepted, and not registered as a deal."""

    id: UUID
    name: str
    company: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    id: UUID
    name: str
    screen: int  # furthest reached, 1 to SCREENS


@dataclass(frozen=True, slots=True)
class FittingKit:
    slug: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A campaign that has ended its mails and has no cost entered."""

    code: str
    name: str
    leads: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a partner's home is made of."""

    now: datetime
    brand_ready: bool = True
    contacts: int = 0
    launches: int = 0  # started ones
    protection_days: int = 90
    asked: list[AskedDeal] = field(default_factory=list)
    waiting: list[WaitingLead] = field(default_factory=list)
    ripe: list[OpenLead] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    kits: list[FittingKit] = field(default_factory=list)
    unpriced: list[Unpriced] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        return self.launches == 0
