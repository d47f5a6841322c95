"""What led to a lead and what came of it, as one list of dated sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.identity.models import AuditLog, User
from tpma.leads.models import Lead
from tpma.sending.models import Message
from tpma.tracking import queries as tracking
from tpma.tracking.models import EventType, TrackingEvent


@dataclass(frozen=True, slots=True)
class Touch:
    at: datetime
    words: str
    is_form: bool = False


def touches(session: Session, lead: Lead) -> list[Touch]:
    """Newest first: mails of the same launch, what the person did, what we answered."""
    found = [*_mails(session, lead), *_deeds(session, lead), *_answers(session, lead)]
    return sorted(found, key=lambda touch: touch.at, reverse=True)


def _messages(session: Session, lead: Lead) -> list[Message]:
    return list(
        session.scalars(
            select(Message).where(
                Message.tenant_id == lead.tenant_id,
                Message.launch_id == lead.launch_id,
                Message.contact_id == lead.contact_id,
            )
        )
    )


def _mails(session: Session, lead: Lead) -> Iterator[Touch]:
    for message in _messages(session, lead):
        if message.accepted_at is not None:
            yield Touch(message.accepted_at, _("Received mail %(step)s", step=message.step))


def _deeds(session: Session, lead: Lead) -> Iterator[Touch]:
    if lead.contact_id is None:
        return
    events = tracking.events_of(session, lead.tenant_id, lead.contact_id, lead.launch_id)
    visits: dict[object, list[TrackingEvent]] = {}
    for event in events:
        if event.type is EventType.PAGE_VIEW:
            visits.setdefault(event.occurred_at.date(), []).append(event)
        elif event.type is EventType.CLICK:
            yield Touch(event.occurred_at, _("Followed a link in a mail"))
        elif event.type is EventType.FORM_SUBMIT:
            yield Touch(event.occurred_at, _("Sent the form"), is_form=True)
        elif event.type is EventType.UNSUBSCRIBE:
            yield Touch(event.occurred_at, _("Asked for no more mails"))
    for seen in visits.values():
        words = ngettext("Visited the page", "Visited the page %(num)s times", len(seen))
        yield Touch(seen[-1].occurred_at, words)


def _answers(session: Session, lead: Lead) -> Iterator[Touch]:
    """From the record of who did what; names are joined here and stand nowhere else."""
    rows = session.execute(
        select(AuditLog.at, AuditLog.action, User.name)
        .outerjoin(User, User.id == AuditLog.actor_id)
        .where(AuditLog.tenant_id == lead.tenant_id, AuditLog.object_type == "Lead")
        .where(AuditLog.object_id == str(lead.id))
    )
    sentences = {
        "lead.accept": _("Accepted by %(name)s"),
        "lead.decline": _("Declined by %(name)s"),
        "lead.reopen": _("Answer taken back by %(name)s"),
        "lead.contact": _("%(name)s spoke to them"),
        "lead.escalated": _("Not answered in time: your admin and channel manager were told"),
        "lead.deal_registered": _("Registered as a deal by %(name)s"),
    }
    for at, action, name in rows:
        if action in sentences:
            yield Touch(at, sentences[action] % {"name": name or _("the platform")})
