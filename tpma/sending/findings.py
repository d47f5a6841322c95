"""What the check before a launch looks at, and what its rules say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from tpma.branding.findings import Finding as BrandFinding


class Tone(StrEnum):
    RED = "ba"
    AMBER = "wa"
    GREEN = "ok"
    NOT_NEEDED = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `cure` names the screen that mends it: (label, screen, anchor)."""

    rule: str
    tone: Tone
    title: str
    text: str
    cure: tuple[str, str] | None = None  # (label, screen of the wizard or "brand", "audience")


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail as it would leave, for the rules that look at bytes."""

    asset: str
    locale: str
    raw: bytes
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules look at; gathered by `tpma.sending.service`."""

    today: date
    now: datetime
    code: str
    start_at: datetime | None
    ends_at: datetime
    kit_retires: date | None  # its last day, in the vendor's zone
    from_name: str
    reply_to: str
    partner_name: str
    goal_leads: int
    planned_cost_minor: int
    matching: int
    writable: int
    suppressed: int
    no_consent: int
    consent_by_basis: Mapping[str, int]
    locales: Mapping[str, str | None]  # asked for → served by
    readers_by_locale: Mapping[str, int]
    policy: str
    accepted_fallback: bool
    missing_consents: tuple[str, ...]  # locales whose form has no lawful consent text
    denied_countries: Mapping[str, int]
    brand: tuple[BrandFinding, ...]
    cobranded_state: str
    compile_faults: tuple[tuple[str, str], ...]  # (asset and locale, message)
    samples: tuple[Sample, ...]
    unresolved: int  # contacts whose mail could not be built in the dry run
    leaves_machine: bool
    links: Mapping[str, str] = field(default_factory=dict)
    vendor_zone: str = "UTC"  # IANA
    vendor_held: int = 0  # by the vendor's list, as a partner may know it
    not_opted_in: int = 0
    opt_in_rule_of: tuple[str, ...] = ()  # names of who writes only to people who signed up
