"""A person asks to be forgotten: everything of theirs that this partner has, in one call.

What stays names nobody: the suppression's keyed hash and the ledger's, so that no later list
brings them back and no mail goes out twice; what a box was ticked beside; the campaign code,
state and amount of a lead or a deal, for the figures that count them.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.audiences import service as audiences
from tpma.audiences.models import Contact, ContactStatus
from tpma.core.db import clock_of
from tpma.deals.models import DealRegistration
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.leads.models import Lead
from tpma.pages.models import FormSubmission
from tpma.sending.models import Message, Notice, OutboxMail
from tpma.tracking.models import TrackingEvent

_LEAD = (
    "given_name",
    "family_name",
    "email",
    "phone",
    "title",
    "declined_note",
)


@dataclass(frozen=True, slots=True)
class Erased:
    """How many things of a person were emptied or deleted."""

    leads: int
    submissions: int
    deals: int
    mails: int
    notices: int
    events: int


def erase(session: Session, actor: Actor | None, contact: Contact) -> Erased:
    """Forget a contact of this partner wherever this partner has them. A second call finds
    nothing. The files of a local outbox are deleted by a job, once this is committed."""
    if contact.status is ContactStatus.ERASED:
        return Erased(0, 0, 0, 0, 0, 0)
    tenant, norm = contact.tenant_id, contact.email_norm
    leads = _leads(session, contact)
    erased = Erased(
        leads=len(leads),
        submissions=_submissions(session, tenant, norm, leads),
        deals=_deals(session, tenant, norm, leads),
        mails=_mails(session, contact),
        notices=_notices(session, tenant, norm, leads),
        events=_events(session, contact),
    )
    for lead in leads:
        _empty(lead)
    audiences.erase(session, actor, contact)
    record(session, actor, tenant, "person.erased", contact, **asdict(erased))
    session.flush()
    return erased


def _leads(session: Session, contact: Contact) -> list[Lead]:
    same = or_(Lead.contact_id == contact.id, Lead.email_norm == contact.email_norm)
    return list(session.scalars(select(Lead).where(Lead.tenant_id == contact.tenant_id, same)))


def _empty(lead: Lead) -> None:
    for field in _LEAD:
        setattr(lead, field, "")
    lead.answers, lead.email_norm = {}, f"erased:{lead.id}"


def _submissions(session: Session, tenant: UUID, norm: str, leads: Iterable[Lead]) -> int:
    """Those of the leads, and those that made none: spam, and a second click."""
    own = {lead.submission_id for lead in leads}
    rows = session.scalars(select(FormSubmission).where(FormSubmission.tenant_id == tenant))
    found = [row for row in rows if row.payload and (row.id in own or _names(row.payload, norm))]
    for row in found:
        row.payload = {}
    return len(found)


def _deals(session: Session, tenant: UUID, norm: str, leads: Iterable[Lead]) -> int:
    own = {lead.id for lead in leads}
    rows = session.scalars(select(DealRegistration).where(DealRegistration.tenant_id == tenant))
    found = [row for row in rows if row.lead_id in own or _names(row.contact, norm)]
    for row in found:
        kept = row.contact.get("decision_maker")
        row.contact = {} if kept is None else {"decision_maker": kept}
    return len(found)


def _names(told: dict[str, Any], norm: str) -> bool:
    return norm in json.dumps(told, ensure_ascii=False).casefold()


def _mails(session: Session, contact: Contact) -> int:
    """The mailbox's rows and, by the job, the files behind them."""
    sent = select(Message.id).where(
        Message.tenant_id == contact.tenant_id, Message.contact_id == contact.id
    )
    return _forget(session, contact.tenant_id, OutboxMail.message_id.in_(sent))


def _notices(session: Session, tenant: UUID, norm: str, leads: Iterable[Lead]) -> int:
    """Mails to the person, and those that told colleagues of them."""
    told = [f"lead.created:{lead.id}:" for lead in leads]
    rows = session.scalars(select(Notice).where(Notice.tenant_id == tenant))
    found = [
        row
        for row in rows
        if row.recipient.casefold() == norm
        or norm in row.body.casefold()
        or row.cause.startswith(tuple(told))
    ]
    _forget(session, tenant, OutboxMail.notice_id.in_([row.id for row in found]))
    for row in found:
        row.subject = row.body = ""
        row.recipient = "" if row.recipient.casefold() == norm else row.recipient
    return len(found)


def _forget(session: Session, tenant: UUID, which: Any) -> int:
    rows = list(session.scalars(select(OutboxMail).where(OutboxMail.tenant_id == tenant, which)))
    names = [row.provider_id for row in rows if row.provider_id]
    if names:
        jobs.enqueue(session, "deals.forget_files", clock_of(session)(), names=names)
    ids = [row.id for row in rows]
    session.execute(
        delete(OutboxMail).where(OutboxMail.tenant_id == tenant, OutboxMail.id.in_(ids))
    )
    return len(rows)


def _events(session: Session, contact: Contact) -> int:
    """The visit stays for the figures; whose it was does not."""
    done = session.execute(
        update(TrackingEvent)
        .where(TrackingEvent.tenant_id == contact.tenant_id, TrackingEvent.contact_id == contact.id)
        .values(contact_id=None)
        .execution_options(synchronize_session=False)
    )
    return int(getattr(done, "rowcount", 0))
