"""What the vendor's deal desk decides. Nobody decides for a company of their own."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotAllowed, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.text import lines
from tpma.deals import granting, line, notices, rules
from tpma.deals.granting import put_in_line
from tpma.deals.models import DealRegistration, DealState, Opportunity
from tpma.deals.moves import due_after, lead_follows, move, stop_clock
from tpma.deals.rules import DealEvent
from tpma.identity.models import Membership
from tpma.identity.rules import Actor
from tpma.leads.rules import LeadEvent


def take(session: Session, actor: Actor, deal: DealRegistration) -> None:
    """Start to look at it; a protected account sends it to the line instead."""
    _desk(session, actor, deal)
    if not put_in_line(session, deal):
        move(session, actor, deal, DealEvent.TAKE)


def approve(session: Session, actor: Actor, deal: DealRegistration) -> Opportunity:
    """Protect the account and open the opportunity.

    Raises Conflict while an earlier complete registration for the account and product is
    undecided, or another one protects it: time decides, and nothing else.
    """
    _desk(session, actor, deal)
    _taken(session, actor, deal)
    rules.after(deal.state, DealEvent.APPROVE)
    now = clock_of(session)()
    if line.protector(session, deal, now) is not None:
        raise Conflict(_("This account is protected already. The registration waits in line."))
    place = line.place(session, deal)
    if place > 1:
        raise Conflict(
            _(
                "This registration is number %(place)s in line for the account. Decide the "
                "earlier one first.",
                place=place,
            )
        )
    return granting.grant(session, actor, deal, DealEvent.APPROVE, rule="desk")


def reject(session: Session, actor: Actor, deal: DealRegistration, code: str, reason: str) -> None:
    """Decline with a rule and a reason the partner reads; no other partner is named in it."""
    _desk(session, actor, deal)
    if code not in rules.REJECT_CODES:
        raise Invalid(_("Choose the rule that applies."), field="code")
    deal.reason = _for_partner(session, deal, reason, "reason", _("Write the reason."))
    _taken(session, actor, deal)
    deal.reject_code = code
    _decided(actor, deal, clock_of(session)())
    move(session, actor, deal, DealEvent.REJECT, code=code)
    lead_follows(session, actor, deal, LeadEvent.DROP_DEAL)
    notices.rejected(session, deal)


def request_info(session: Session, actor: Actor, deal: DealRegistration, question: str) -> None:
    """Ask the partner; the desk's clock stands still until the answer."""
    _desk(session, actor, deal)
    deal.reason = _for_partner(session, deal, question, "question", _("Write the question."))
    _taken(session, actor, deal)
    now = clock_of(session)()
    deal.asked_at, deal.remind_at = now, None
    move(session, actor, deal, DealEvent.REQUEST_INFO)
    last = due_after(session, deal, now, rules.LAPSE_DAYS)
    jobs.enqueue(
        session,
        "deals.lapse",
        last + timedelta(minutes=1),
        key=f"deals.lapse:{deal.id}:{now.isoformat()}",
    )
    notices.asked(session, deal)


def _for_partner(
    session: Session, deal: DealRegistration, text: str, field: str, missing: str
) -> str:
    said = lines(text, 500, field)
    if not said:
        raise Invalid(missing, field=field)
    folded = said.casefold()
    if any(name.casefold() in folded for name in line.other_partners(session, deal)):
        raise Invalid(
            _("This names another partner. Say that another registration came first."), field=field
        )
    return said


def _taken(session: Session, actor: Actor, deal: DealRegistration) -> None:
    """Deciding on one that nobody has taken yet takes it."""
    if deal.state is DealState.SUBMITTED:
        move(session, actor, deal, DealEvent.TAKE)


def _decided(actor: Actor, deal: DealRegistration, now: datetime) -> None:
    deal.decided_by, deal.decided_at = actor.user_id, now
    stop_clock(deal)


def _desk(session: Session, actor: Actor, deal: DealRegistration) -> None:
    """The vendor of this registration, and not a member of the company that wrote it."""
    if deal.vendor_id != actor.organisation_id or deal.state is DealState.DRAFT:
        raise NotFound(_("There is no such registration."))
    own = session.scalar(
        select(Membership.id).where(
            Membership.user_id == actor.user_id,
            Membership.organisation_id == deal.tenant_id,
            Membership.ended_at.is_(None),
        )
    )
    if own is not None or deal.submitted_by == actor.user_id:
        raise NotAllowed(
            _("You belong to the company that registered this deal. Somebody else decides it.")
        )
    line.lock(session, deal)
