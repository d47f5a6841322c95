"""A registration's life as a table, who goes first, and how long an account is protected."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.core.money import Money
from tpma.deals.models import DealState, OpportunityStage

S = DealState


class DealEvent(StrEnum):
    SUBMIT = "submit"
    QUEUE = "queue"
    PROMOTE = "promote"
    TAKE = "take"
    REQUEST_INFO = "request_info"
    RESUBMIT = "resubmit"
    LAPSE = "lapse"
    APPROVE = "approve"
    AUTO_APPROVE = "auto_approve"
    REJECT = "reject"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    WIN = "win"
    LOSE = "lose"


E = DealEvent

# Any pair that is not here is refused with Conflict.
TRANSITIONS: dict[tuple[DealState, DealEvent], DealState] = {
    (S.DRAFT, E.SUBMIT): S.SUBMITTED,
    (S.SUBMITTED, E.QUEUE): S.QUEUED,
    (S.IN_REVIEW, E.QUEUE): S.QUEUED,
    (S.QUEUED, E.PROMOTE): S.IN_REVIEW,
    (S.QUEUED, E.REJECT): S.REJECTED,
    (S.SUBMITTED, E.AUTO_APPROVE): S.APPROVED,
    (S.SUBMITTED, E.TAKE): S.IN_REVIEW,
    (S.IN_REVIEW, E.REQUEST_INFO): S.ACTION_REQUIRED,
    (S.ACTION_REQUIRED, E.RESUBMIT): S.IN_REVIEW,
    (S.ACTION_REQUIRED, E.LAPSE): S.REJECTED,
    (S.IN_REVIEW, E.APPROVE): S.APPROVED,
    (S.IN_REVIEW, E.REJECT): S.REJECTED,
    (S.APPROVED, E.EXPIRE): S.EXPIRED,
    (S.APPROVED, E.WIN): S.WON,
    (S.APPROVED, E.LOSE): S.LOST,
} | {
    (state, E.WITHDRAW): S.WITHDRAWN
    for state in (S.DRAFT, S.SUBMITTED, S.IN_REVIEW, S.QUEUED, S.ACTION_REQUIRED)
}

# Complete and not decided: what may stand in front of another registration.
UNDECIDED = frozenset({S.SUBMITTED, S.IN_REVIEW, S.ACTION_REQUIRED})
# What the vendor's deal desk has to answer.
WAITING = frozenset({S.SUBMITTED, S.IN_REVIEW})
OPEN = frozenset({*UNDECIDED, S.QUEUED, S.APPROVED})

REVIEW_DAYS = 2  # working days until an answer
ANSWER_DAYS = 5  # working days in which an answer keeps the place in line
LAPSE_DAYS = 10  # working days after which an unanswered question ends a registration

DUPLICATE, INCOMPLETE = "duplicate", "incomplete"
REJECT_CODES: dict[str, str] = {
    DUPLICATE: lazy("Another registration came first"),
    "direct_engaged": lazy("The vendor is already talking to this account"),
    "out_of_territory": lazy("Outside the partner's territory"),
    "not_authorised": lazy("The partner may not sell this product"),
    "insufficient_evidence": lazy("Not enough evidence"),
    "existing_customer_renewal": lazy("A renewal of an existing customer"),
    "below_minimum": lazy("Below the smallest value that is protected"),
}
"""What a deal desk may choose."""

REASONS = REJECT_CODES | {INCOMPLETE: lazy("No answer came in time")}

FORM_SUBMISSION, MEETING_NOTE = "form_submission", "meeting_note"
EVIDENCE: dict[str, str] = {
    MEETING_NOTE: lazy("Meeting note"),
    "email_thread": lazy("Their mail"),
    "rfp": lazy("Request for proposal"),
    "site_visit": lazy("Site visit"),
    "poc": lazy("Proof of concept"),
    FORM_SUBMISSION: lazy("Form of the campaign"),
}

STAGES: dict[OpportunityStage, tuple[str, int]] = {
    OpportunityStage.QUALIFIED: (lazy("Qualified"), 10),
    OpportunityStage.DISCOVERY: (lazy("Discovery"), 25),
    OpportunityStage.PROPOSAL: (lazy("Proposal"), 50),
    OpportunityStage.NEGOTIATION: (lazy("Negotiation"), 75),
    OpportunityStage.WON: (lazy("Won"), 100),
    OpportunityStage.LOST: (lazy("Lost"), 0),
}
"""Stage → its word, and the probability in per cent that weighs open pipeline."""

CLOSED = frozenset({OpportunityStage.WON, OpportunityStage.LOST})


def after(state: DealState, event: DealEvent) -> DealState:
    """The state `event` leads to. Raises Conflict where the table has none."""
    try:
        return TRANSITIONS[state, event]
    except KeyError as error:
        raise Conflict(
            _("This registration is no longer where you saw it. Reload the page and decide again.")
        ) from error


def may(state: DealState, event: DealEvent) -> bool:
    return (state, event) in TRANSITIONS


@dataclass(frozen=True, slots=True, order=True)
class Priority:
    """What decides who is first; smaller goes first. A partner's tier is not in it."""

    minute: datetime
    less_evidence: int
    id: UUID


def priority(complete_at: datetime, evidence: int, id: UUID) -> Priority:
    """Earliest complete minute (UTC); then more evidence; then the id."""
    return Priority(complete_at.replace(second=0, microsecond=0), -evidence, id)


def items(evidence: dict[str, Any]) -> list[dict[str, Any]]:
    """The pieces of evidence of a registration: {"type", "dated", "note"}."""
    found: list[dict[str, Any]] = evidence.get("items", [])
    return found


def overlap(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    return not set(ours).isdisjoint(theirs)


def approving_limit(value: Money, limits: Mapping[str, int], is_active: bool) -> Money | None:
    """The tier's limit under which a registration is approved by rule; None: the desk decides.

    Only in a currency that has a limit (amounts are never converted for a decision), up to and
    including it, and for a partner whose place in the programme is active.
    """
    limit = limits.get(value.currency, 0)
    if not is_active or not 0 < value.minor <= limit:
        return None
    return Money(limit, value.currency)


def kept_place(answered: datetime, latest: datetime) -> bool:
    """Whether an answer to a question came soon enough to keep `complete_at`."""
    return answered <= latest


def protected_until(approved_at: datetime, days: int, zone: str) -> date:
    """The last protected day, counted from the day of the approval in the vendor's zone."""
    return approved_at.astimezone(ZoneInfo(zone)).date() + timedelta(days=days)


def still_protected(until: date, zone: str, now: datetime) -> bool:
    """Protection holds to the end of its last day in the vendor's zone."""
    return now.astimezone(ZoneInfo(zone)).date() <= until


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a registration says when it is submitted."""

    account_name: str
    account_domain: str
    country: str
    product_families: tuple[str, ...]
    value_minor: int
    expected_close: date | None
    stage: str
    evidence: int  # pieces


def first_fault(proposal: Proposal, today: date) -> tuple[str, str] | None:
    """The first field that keeps a registration from being complete, and what to enter."""
    return next((fault for fault in _faults(proposal, today)), None)


def _faults(proposal: Proposal, today: date) -> Iterable[tuple[str, str]]:
    if proposal.value_minor <= 0:
        yield "value", _("Enter the value you expect, for example 14,000.")
    if proposal.expected_close is None:
        yield "close", _("Enter the day you expect to close.")
    elif proposal.expected_close < today:
        yield "close", _("This day has passed. Enter the day you expect to close.")
    yield from _account_faults(proposal)
    if proposal.stage not in {stage.value for stage in STAGES if stage not in CLOSED}:
        yield "stage", _("Choose a stage: it must be qualified at least.")
    if proposal.evidence < 1:
        yield "note", _("Write one note that shows the interest: a meeting, a call, their mail.")


def _account_faults(proposal: Proposal) -> Iterable[tuple[str, str]]:
    if not proposal.account_name:
        yield "account_name", _("Enter the name of the company.")
    if not proposal.account_domain:
        yield "account_domain", _("Enter the company's domain, for example harborpoint.example.")
    if not proposal.country:
        yield "country", _("Enter the country of the company.")
    if not proposal.product_families:
        yield "products", _("Choose at least one product.")


@dataclass(frozen=True, slots=True)
class Terms:
    """Where and what a partner may sell; an empty list allows everything."""

    territories: tuple[str, ...]
    product_families: tuple[str, ...]

    def covers_country(self, country: str) -> bool:
        return not self.territories or country in self.territories

    def covers_products(self, families: Iterable[str]) -> bool:
        return not self.product_families or set(families) <= set(self.product_families)
