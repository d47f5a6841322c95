"""A partner answers a lead. How a form becomes one is in `capturing`."""

from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.leads import rules
from tpma.leads.models import Lead
from tpma.leads.rules import LeadEvent


def accept(session: Session, actor: Actor, lead: Lead) -> None:
    """Somebody takes it on: the lead is theirs."""
    move(session, actor, lead, LeadEvent.ACCEPT)
    lead.owner_id = actor.user_id
    lead.accepted_at = clock_of(session)()


def decline(session: Session, actor: Actor, lead: Lead, reason: str, note: str) -> None:
    """It leads nowhere, and why. Raises Invalid for an unknown reason or an unsaid "other"."""
    code, kept = rules.decline_reason(reason, note)
    move(session, actor, lead, LeadEvent.DECLINE, reason=code)
    lead.declined_reason, lead.declined_note = code, kept


def reopen(session: Session, actor: Actor, lead: Lead) -> None:
    """Take an answer back: the lead waits again, until when it was due before."""
    move(session, actor, lead, LeadEvent.REOPEN)
    window = rules.Window(lead.created_at, lead.due_at)
    now = clock_of(session)()
    lead.remind_at = rules.reminder_after_reopening(window, lead.escalated_at, now)
    lead.owner_id = lead.accepted_at = None
    lead.declined_reason = lead.declined_note = ""


def move(
    session: Session, actor: Actor | None, lead: Lead, event: LeadEvent, **detail: str
) -> None:
    """Take a lead on to the state an event leads to; deals use it for what becomes of theirs.

    Raises Conflict where the table of states has no such way.
    """
    before = lead.state
    lead.state = rules.after(before, event)
    lead.remind_at = None
    record(
        session,
        actor,
        lead.tenant_id,
        f"lead.{event.value}",
        lead,
        code=lead.campaign_code,
        before=before.value,
        **detail,
    )
