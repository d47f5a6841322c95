"""One change of state of a registration, and what it does to its lead."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.deals import rules
from tpma.deals.models import DealRegistration
from tpma.deals.rules import DealEvent
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.launches.models import Launch
from tpma.leads import service as leads
from tpma.leads.models import Lead, LeadState
from tpma.leads.rules import LeadEvent, Window, answer_window, may
from tpma.partners import calendars
from tpma.partners.models import Enrolment
from tpma.sending import following

# How the audit log and the page's history name an event.
DONE = {
    DealEvent.SUBMIT: "submitted",
    DealEvent.QUEUE: "queued",
    DealEvent.PROMOTE: "promoted",
    DealEvent.TAKE: "taken",
    DealEvent.REQUEST_INFO: "asked",
    DealEvent.RESUBMIT: "answered",
    DealEvent.LAPSE: "lapsed",
    DealEvent.APPROVE: "approved",
    DealEvent.AUTO_APPROVE: "auto_approved",
    DealEvent.REJECT: "rejected",
    DealEvent.EXPIRE: "expired",
    DealEvent.WITHDRAW: "withdrawn",
    DealEvent.WIN: "won",
    DealEvent.LOSE: "lost",
}


def move(
    session: Session, actor: Actor | None, deal: DealRegistration, event: DealEvent, **detail: Any
) -> None:
    """Take the step and write it down; `actor` None is the platform. Raises Conflict."""
    deal.state = rules.after(deal.state, event)
    owner = actor.organisation_id if actor else deal.vendor_id
    record(session, actor, owner, f"deal.{DONE[event]}", deal, ref=deal.ref, **detail)


def lead_follows(
    session: Session, actor: Actor | None, deal: DealRegistration, event: LeadEvent
) -> None:
    """Move the lead along with its deal; registering one that still waited accepts it first."""
    lead = session.get(Lead, deal.lead_id) if deal.lead_id else None
    if lead is None:
        return
    if event is LeadEvent.REGISTER_DEAL and lead.state is LeadState.ROUTED and actor is not None:
        leads.accept(session, actor, lead)
    if may(lead.state, event):
        leads.move(session, actor, lead, event, deal=deal.ref)


def end_the_mails(session: Session, deal: DealRegistration) -> None:
    """Who a deal began with gets no more mails of the campaign.

    The contact is locked as a worker about to send locks it: one comes wholly after the other.
    """
    lead = session.get(Lead, deal.lead_id) if deal.lead_id else None
    if lead is None or lead.launch_id is None:
        return
    reader = session.scalar(
        select(Contact)
        .where(Contact.id == lead.contact_id, Contact.tenant_id == lead.tenant_id)
        .with_for_update()
    )
    if reader is not None and reader.hmac is not None:
        launch = session.get_one(Launch, lead.launch_id)
        following.deal_registered(session, launch, reader.hmac)


def vendor_of(session: Session, deal: DealRegistration) -> Organisation:
    return session.get_one(Organisation, deal.vendor_id)


def due_after(session: Session, deal: DealRegistration, start: datetime, days: int) -> datetime:
    """`days` working days after `start`, by the vendor's week and zone, in UTC."""
    return _window(session, deal, start, days).due


def _window(session: Session, deal: DealRegistration, start: datetime, days: int) -> Window:
    vendor = vendor_of(session, deal)
    programme = session.get_one(Enrolment, deal.enrolment_id).programme
    closed = calendars.closed(programme.holidays, vendor.country)
    return answer_window(start, vendor.timezone, vendor.country, days, closed)


def start_clock(session: Session, deal: DealRegistration, now: datetime) -> None:
    """From now on the desk owes an answer; it is reminded before it is due, and when it is."""
    resume_clock(deal, _window(session, deal, now, rules.REVIEW_DAYS))


def resume_clock(deal: DealRegistration, window: Window) -> None:
    deal.answer_due_at, deal.remind_at = window.due, window.warning


def stop_clock(deal: DealRegistration) -> None:
    """Nobody owes an answer."""
    deal.answer_due_at = deal.remind_at = None
