"""The time a partner has to answer: when it begins and ends, who is told before and after.

A sweep reminds the partner's people once three quarters of the time have gone. When it is over it
tells the partner's admins and the vendor's channel manager. The lead stays where it is: a lead of
a partner's own launch is never given to another partner.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from tpma.core.db import clock_of
from tpma.identity.service import record
from tpma.leads import overdue
from tpma.leads.models import Lead
from tpma.leads.rules import WAITING, Window, answer_window
from tpma.partners import calendars
from tpma.partners.models import Enrolment

_BATCH = 200  # leads a sweep; the next one is a minute away


def window(now: datetime, zone: str, country: str, holidays: Iterable[str]) -> Window:
    """Two working days of the partner's country and the programme's calendar, on its clock."""
    return answer_window(now, zone, country, closed=calendars.closed(holidays, country))


def keep(session: Session, base_url: str) -> int:
    """Remind of what is due soon, escalate what was missed; how many leads. Safe to run twice."""
    now = clock_of(session)()
    found = session.scalars(
        select(Lead)
        .where(Lead.remind_at <= now, Lead.state.in_(WAITING))
        .order_by(Lead.remind_at, Lead.id)
        .limit(_BATCH)
        .options(selectinload(Lead.launch))
        .with_for_update(of=Lead, skip_locked=True)
    ).all()
    missed = [lead for lead in found if lead.due_at <= now]
    for partner_id, leads in _by("tenant_id", (lead for lead in found if lead.due_at > now)):
        overdue.remind(session, partner_id, leads, base_url)
    _escalate(session, missed, now, base_url)
    for lead in found:
        lead.remind_at = None if lead.due_at <= now else lead.due_at
    return len(found)


def _escalate(session: Session, missed: list[Lead], now: datetime, base_url: str) -> None:
    for lead in missed:
        lead.escalated_at = now
        record(session, None, lead.tenant_id, "lead.escalated", lead, code=lead.campaign_code)
    for partner_id, leads in _by("tenant_id", missed):
        overdue.tell_admins(session, partner_id, leads, base_url)
    for enrolment_id, leads in _by("enrolment_id", missed):
        overdue.tell_manager(session, session.get_one(Enrolment, enrolment_id), leads, base_url)


def _by(name: str, leads: Iterable[Lead]) -> list[tuple[UUID, list[Lead]]]:
    """Leads grouped by one of their ids, the soonest due first in each group."""
    ordered = sorted(leads, key=attrgetter(name, "due_at", "id"))
    return [(key, list(group)) for key, group in groupby(ordered, key=attrgetter(name))]
