"""Counting: what each launch of a scope brought, one statement a kind of thing.

Every statement names its tenant through the scope, so nothing outside it is ever counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from tpma.deals.models import DealRegistration, DealState, Opportunity, OpportunityStage
from tpma.launches.models import CostEntry, CostFunder, Launch, LaunchState
from tpma.leads.models import Lead, LeadState
from tpma.pages.models import FormSubmission, SubmissionState
from tpma.partners.queries import looked_after
from tpma.sending.models import DeliveryFact, FactKind, Message, SendState
from tpma.tracking import counting
from tpma.tracking.models import EventType

ACCEPTED = (
    LeadState.ACCEPTED,
    LeadState.WORKING,
    LeadState.DEAL_REGISTERED,
    LeadState.CONVERTED,
    LeadState.LOST,
)
NOT_A_LEAD = (LeadState.DUPLICATE, LeadState.SPAM)
NOT_REGISTERED = (DealState.DRAFT, DealState.WITHDRAWN)
UNSEEN = (LaunchState.DRAFT, LaunchState.READY, LaunchState.CANCELLED)  # nothing to a vendor


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose launches are counted: `launches` is the condition on Launch that says so."""

    launches: ColumnElement[bool]

    @property
    def ids(self) -> Select[Any]:
        return select(Launch.id).where(self.launches)

    def only(self, launch_id: UUID) -> "Scope":
        return Scope(and_(self.launches, Launch.id == launch_id))


def of_partner(partner_id: UUID, vendor_id: UUID) -> Scope:
    return Scope(and_(Launch.tenant_id == partner_id, Launch.vendor_id == vendor_id))


def of_vendor(vendor_id: UUID, manager_id: UUID | None = None) -> Scope:
    """All partners' launches with this vendor, or those of the assigned partners only."""
    seen = looked_after(Launch.enrolment_id, vendor_id, manager_id)
    return Scope(and_(Launch.vendor_id == vendor_id, Launch.state.not_in(UNSEEN), seen))


@dataclass(slots=True)
class Tally:
    """Counts of one launch. Money is in minor units of the launch's currency."""

    planned: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    clickers: int = 0  # people, each once over all steps
    human_opens: int = 0  # hits, as often as it happened
    raw_opens: int = 0  # and with those of machines
    human_clicks: int = 0
    raw_clicks: int = 0
    hits: int = 0  # clicks on links that name nobody (own mailers)
    views: int = 0  # of the landing page, by people
    submissions: int = 0
    leads: int = 0
    duplicates: int = 0
    accepted: int = 0
    registered: int = 0
    deals: int = 0
    won: int = 0
    pipeline: int = 0
    won_amount: int = 0
    spend: int = 0
    funded: dict[CostFunder, int] = field(default_factory=dict)


def tallies(session: Session, scope: Scope) -> dict[UUID, Tally]:
    """Launch → its counts, for every launch of the scope."""
    counted = {launch_id: Tally() for launch_id in session.scalars(scope.ids)}
    _mails(session, scope, counted)
    _events(session, scope, counted)
    _forms_and_leads(session, scope, counted)
    _deals(session, scope, counted)
    _costs(session, scope, counted)
    return counted


def _mails(session: Session, scope: Scope, counted: dict[UUID, Tally]) -> None:
    taken = func.sum(case((Message.send_state == SendState.ACCEPTED, 1), else_=0))
    mine = Message.launch_id.in_(scope.ids)
    statement = select(Message.launch_id, func.count(), taken).where(mine)
    for launch_id, planned, sent in session.execute(statement.group_by(Message.launch_id)):
        counted[launch_id].planned, counted[launch_id].sent = planned, int(sent)
    delivered = (
        select(Message.launch_id, func.count(Message.id.distinct()))
        .join(DeliveryFact, DeliveryFact.message_id == Message.id)
        .where(mine, DeliveryFact.kind == FactKind.DELIVERED)
    )
    for launch_id, number in session.execute(delivered.group_by(Message.launch_id)):
        counted[launch_id].delivered = number


def _events(session: Session, scope: Scope, counted: dict[UUID, Tally]) -> None:
    """What people did, from the figures kept beside the events; machines are left out there."""
    for (launch_id, kind), acts in counting.acts(
        session, scope.ids, (*_ACTS, EventType.PAGE_VIEW)
    ).items():
        tally = counted[launch_id]
        if kind is EventType.OPEN:
            tally.opened, tally.human_opens, tally.raw_opens = acts.mails, acts.hits, acts.raw
        elif kind is EventType.CLICK:
            tally.clicked, tally.clickers = acts.mails, acts.people
            tally.human_clicks, tally.raw_clicks, tally.hits = acts.hits, acts.raw, acts.unnamed
        else:
            tally.views = acts.hits


def was_accepted() -> ColumnElement[bool]:
    return or_(Lead.accepted_at.is_not(None), Lead.state.in_(ACCEPTED))


def _forms_and_leads(session: Session, scope: Scope, counted: dict[UUID, Tally]) -> None:
    forms = select(FormSubmission.launch_id, func.count()).where(
        FormSubmission.launch_id.in_(scope.ids), FormSubmission.state != SubmissionState.SPAM
    )
    for launch_id, number in session.execute(forms.group_by(FormSubmission.launch_id)):
        counted[launch_id].submissions = number
    yes = func.sum(case((was_accepted(), 1), else_=0))
    leads = select(Lead.launch_id, Lead.state, func.count(), yes).where(
        Lead.launch_id.in_(scope.ids)
    )
    for launch_id, state, number, accepted in session.execute(
        leads.group_by(Lead.launch_id, Lead.state)
    ):
        tally = counted[launch_id]
        if state is LeadState.DUPLICATE:
            tally.duplicates += number
        elif state not in NOT_A_LEAD:
            tally.leads += number
            tally.accepted += int(accepted)


def _deals(session: Session, scope: Scope, counted: dict[UUID, Tally]) -> None:
    registered = (
        select(Launch.id, func.count())
        .join(DealRegistration, DealRegistration.launch_id == Launch.id)
        .where(scope.launches, DealRegistration.state.not_in(NOT_REGISTERED))
    )
    for launch_id, number in session.execute(registered.group_by(Launch.id)):
        counted[launch_id].registered = number
    amounts = (
        select(Launch.id, Opportunity.stage, func.count(), func.sum(Opportunity.amount_minor))
        .join(Opportunity, sourced_by_launch())
        .where(scope.launches)
    )
    for launch_id, stage, number, minor in session.execute(
        amounts.group_by(Launch.id, Opportunity.stage)
    ):
        tally = counted[launch_id]
        tally.deals += number
        tally.pipeline += int(minor)
        if stage is OpportunityStage.WON:
            tally.won, tally.won_amount = number, int(minor)


def sourced_by_launch() -> ColumnElement[bool]:
    """Opportunities that carry the launch's code; other currencies cannot be added to it."""
    return and_(
        Opportunity.launch_id == Launch.id,
        Opportunity.partner_id == Launch.tenant_id,
        Opportunity.sourcing_code == Launch.campaign_code,
        Opportunity.currency == Launch.currency,
    )


def _costs(session: Session, scope: Scope, counted: dict[UUID, Tally]) -> None:
    statement = (
        select(Launch.id, CostEntry.funded_by, func.sum(CostEntry.amount_minor))
        .join(
            CostEntry,
            and_(CostEntry.launch_id == Launch.id, CostEntry.currency == Launch.currency),
        )
        .where(scope.launches)
    )
    for launch_id, funder, minor in session.execute(
        statement.group_by(Launch.id, CostEntry.funded_by)
    ):
        counted[launch_id].funded[funder] = int(minor)
        counted[launch_id].spend += int(minor)


def parts_of(session: Session, scope: Scope, column: Any) -> Iterable[tuple[Any, list[int]]]:
    """Sent, delivered, opened, clicked of the scope's mails by a column of Message."""
    mine = Message.launch_id.in_(scope.ids)
    sent = select(column, func.count()).where(mine, Message.send_state == SendState.ACCEPTED)
    delivered = (
        select(column, func.count(Message.id.distinct()))
        .join(DeliveryFact, DeliveryFact.message_id == Message.id)
        .where(mine, DeliveryFact.kind == FactKind.DELIVERED)
    )
    found: dict[Any, list[int]] = {}
    statements = [sent, delivered, *(_acted(mine, column, kind) for kind in _ACTS)]
    for place, statement in enumerate(statements):
        for key, number in session.execute(statement.group_by(column)):
            found.setdefault(key, [0, 0, 0, 0])[place] = number
    return sorted(found.items())


_ACTS = (EventType.OPEN, EventType.CLICK)


def _acted(mine: ColumnElement[bool], column: Any, kind: EventType) -> Select[Any]:
    did = Message.seen.bitwise_and(counting.BITS[kind]) != 0
    return select(column, func.count()).where(mine, did)


def leads_by_language(session: Session, scope: Scope) -> dict[str, int]:
    statement = select(Lead.language, func.count()).where(
        Lead.launch_id.in_(scope.ids), Lead.state.not_in(NOT_A_LEAD)
    )
    rows = session.execute(statement.group_by(Lead.language)).all()
    return {row[0]: row[1] for row in rows}
