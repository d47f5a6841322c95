"""What a partner does with a registration, and what time does to it (the desk's verbs: `desk`)."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.text import lines
from tpma.deals import line, notices, queries, rules
from tpma.deals.drafts import Answers, add_evidence, complete, draft_from_lead
from tpma.deals.granting import by_rule, put_in_line
from tpma.deals.models import DealRegistration, DealState, Opportunity, OpportunityStage
from tpma.deals.moves import (
    due_after,
    end_the_mails,
    lead_follows,
    move,
    resume_clock,
    start_clock,
    stop_clock,
)
from tpma.deals.rules import DealEvent
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.leads.rules import LeadEvent, Window
from tpma.partners.models import Enrolment


def register(session: Session, actor: Actor, lead_id: UUID, answers: Answers) -> DealRegistration:
    """A lead becomes a submitted registration in one step. Raises Invalid with the field."""
    lead = queries.lead_to_register(session, actor.organisation_id, lead_id)
    deal = draft_from_lead(session, actor, lead)
    complete(session, deal, answers)
    return submit(session, actor, deal)


def submit(session: Session, actor: Actor, deal: DealRegistration) -> DealRegistration:
    """The first complete submission fixes the order. A protected account puts it in line."""
    _owned(actor, deal)
    rules.after(deal.state, DealEvent.SUBMIT)
    _refuse_incomplete(session, deal)
    line.lock(session, deal)
    own = line.own_open(session, deal)
    if own is not None:
        raise Conflict(_("%(ref)s of yours covers this account and product already.", ref=own.ref))
    now = clock_of(session)()
    deal.complete_at = deal.complete_at or now
    deal.submitted_by = actor.user_id
    start_clock(session, deal, now)
    move(session, actor, deal, DealEvent.SUBMIT)
    lead_follows(session, actor, deal, LeadEvent.REGISTER_DEAL)
    end_the_mails(session, deal)
    # Who waits in line, or is approved by rule, is told that instead.
    if not put_in_line(session, deal) and by_rule(session, deal) is None:
        notices.received(session, deal)
    return deal


def _refuse_incomplete(session: Session, deal: DealRegistration) -> None:
    today = clock_of(session)().astimezone(ZoneInfo(line.zone_of(session, deal))).date()
    fault = rules.first_fault(proposal_of(deal), today)
    if fault is not None:
        raise Invalid(fault[1], field=fault[0])
    terms = terms_of(session, deal.enrolment_id)
    if not terms.covers_country(deal.country):
        raise Invalid(
            _("Your agreement does not cover this country. Ask the vendor to add it."),
            field="country",
        )
    if not terms.covers_products(deal.product_families):
        raise Invalid(
            _("Your agreement does not cover this product. Ask the vendor to add it."),
            field="products",
        )


def proposal_of(deal: DealRegistration) -> rules.Proposal:
    return rules.Proposal(
        account_name=deal.account_name,
        account_domain=deal.account_domain,
        country=deal.country,
        product_families=tuple(deal.product_families),
        value_minor=deal.estimated_value_minor,
        expected_close=deal.expected_close,
        stage=deal.sales_stage,
        evidence=len(rules.items(deal.evidence)),
    )


def terms_of(session: Session, enrolment_id: UUID) -> rules.Terms:
    enrolment = session.get_one(Enrolment, enrolment_id)
    return rules.Terms(tuple(enrolment.territories), tuple(enrolment.product_families))


def promote_waiting(session: Session, deal: DealRegistration) -> None:
    """The account is free again: those behind `deal` go to review, in their order."""
    now = clock_of(session)()
    for waiting in line.waiting_behind(session, deal):
        if line.protector(session, waiting, now) is None:
            start_clock(session, waiting, now)
            move(session, None, waiting, DealEvent.PROMOTE)


def resubmit(session: Session, actor: Actor, deal: DealRegistration, answer: str) -> None:
    """Answer the desk's question. Later than 5 working days, the place in line starts anew."""
    _owned(actor, deal)
    line.lock(session, deal)
    rules.after(deal.state, DealEvent.RESUBMIT)
    note = lines(answer, 1000, "answer")
    if not note:
        raise Invalid(_("Write the answer."), field="answer")
    add_evidence(session, deal, rules.MEETING_NOTE, note)
    now = clock_of(session)()
    asked, paused = deal.asked_at or now, deal.answer_due_at
    kept = rules.kept_place(now, due_after(session, deal, asked, rules.ANSWER_DAYS))
    if kept and paused is not None:
        due = due_after(session, deal, paused + (now - asked), 0)  # off the weekend
        resume_clock(deal, Window(now, due))
    else:
        start_clock(session, deal, now)
    if not kept:
        deal.complete_at = now
    deal.asked_at, deal.reason = None, ""
    move(session, actor, deal, DealEvent.RESUBMIT, kept=kept)
    put_in_line(session, deal)


def withdraw(session: Session, actor: Actor, deal: DealRegistration) -> None:
    """Take it back. The lead is free again; the registration itself cannot be reopened."""
    _owned(actor, deal)
    line.lock(session, deal)
    move(session, actor, deal, DealEvent.WITHDRAW)
    stop_clock(deal)
    lead_follows(session, actor, deal, LeadEvent.DROP_DEAL)


def set_stage(
    session: Session, actor: Actor, deal: DealRegistration, stage: OpportunityStage
) -> Opportunity:
    """Move the opportunity. Won or lost closes it, the deal and the lead for good."""
    _owned(actor, deal)
    opportunity = queries.opportunity_of(session, deal)
    if opportunity is None:
        raise Conflict(_("A deal has a stage once it is approved."))
    if opportunity.stage in rules.CLOSED:
        raise Conflict(_("This deal is closed. Its outcome stays in the campaign's report."))
    if opportunity.stage is stage:
        return opportunity
    line.lock(session, deal)
    opportunity.stage = stage
    if stage in rules.CLOSED:
        _close(session, actor, deal, opportunity)
    else:
        deal.sales_stage = stage
        record(session, actor, deal.tenant_id, "deal.stage", deal, stage=stage.value)
    return opportunity


def _close(
    session: Session, actor: Actor, deal: DealRegistration, opportunity: Opportunity
) -> None:
    won = opportunity.stage is OpportunityStage.WON
    opportunity.closed_at = clock_of(session)()
    if deal.state is DealState.APPROVED:  # protection may have run out before the customer signed
        move(session, actor, deal, DealEvent.WIN if won else DealEvent.LOSE)
    lead_follows(session, actor, deal, LeadEvent.WIN if won else LeadEvent.LOSE)
    if won:
        _turn_away(session, deal)
    else:
        promote_waiting(session, deal)


def _turn_away(session: Session, deal: DealRegistration) -> None:
    """Who waited behind a deal that was won has nothing left to register."""
    for waiting in line.waiting_behind(session, deal):
        waiting.reject_code = rules.DUPLICATE
        waiting.reason = _("The account has been won through an earlier registration.")
        waiting.decided_at = clock_of(session)()
        move(session, None, waiting, DealEvent.REJECT, code=rules.DUPLICATE)
        lead_follows(session, None, waiting, LeadEvent.DROP_DEAL)
        notices.rejected(session, waiting)


def expire_due(session: Session) -> int:
    """End the protections whose last day is over; how many. Safe to run again."""
    now = clock_of(session)()
    approved = session.scalars(
        select(DealRegistration)
        .where(DealRegistration.state == DealState.APPROVED)
        .where(DealRegistration.protected_until <= now.date())  # days end earlier east of UTC
    ).all()
    return sum(_expire(session, deal, now) for deal in approved)


def _expire(session: Session, deal: DealRegistration, now: datetime) -> bool:
    line.lock(session, deal)
    until, zone = deal.protected_until, line.zone_of(session, deal)
    if deal.state is not DealState.APPROVED or until is None:
        return False
    if rules.still_protected(until, zone, now):
        return False
    move(session, None, deal, DealEvent.EXPIRE)
    promote_waiting(session, deal)
    return True


def lapse_due(session: Session) -> int:
    """End the registrations whose question stayed unanswered for 10 working days; how many."""
    now = clock_of(session)()
    asked = session.scalars(
        select(DealRegistration).where(DealRegistration.state == DealState.ACTION_REQUIRED)
    ).all()
    return sum(_lapse(session, deal, now) for deal in asked)


def _lapse(session: Session, deal: DealRegistration, now: datetime) -> bool:
    line.lock(session, deal)
    if deal.state is not DealState.ACTION_REQUIRED or deal.asked_at is None:
        return False
    if now <= due_after(session, deal, deal.asked_at, rules.LAPSE_DAYS):
        return False
    deal.reject_code, deal.decided_at = rules.INCOMPLETE, now
    stop_clock(deal)
    move(session, None, deal, DealEvent.LAPSE, code=rules.INCOMPLETE)
    lead_follows(session, None, deal, LeadEvent.DROP_DEAL)
    notices.rejected(session, deal)
    return True


def _owned(actor: Actor, deal: DealRegistration) -> None:
    if deal.tenant_id != actor.organisation_id:
        raise NotFound(_("There is no such registration."))
