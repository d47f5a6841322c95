"""A reader stops the mails of a partner, or takes that back: effective as the request commits."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.listings import newest_consent
from tpma.audiences.models import (
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactStatus,
)
from tpma.core.db import clock_of
from tpma.identity.service import record as audit
from tpma.sending.models import DeliveryFact, FactKind, Message
from tpma.tracking import queries, service
from tpma.tracking.models import EventType, Verdict
from tpma.tracking.rules import Ruling, Visit

PURPOSE = ConsentPurpose.PARTNER_MARKETING
TAKE_BACK = timedelta(days=1)
ONE_CLICK, PAGE = "one_click", "page"  # RFC 8058, or the button on our page
_PERSON = Ruling(Verdict.HUMAN, "BOT-10")  # a POST: scanners only look


def unsubscribe(session: Session, message: Message, visit: Visit, channel: str) -> bool:
    """Withdraw, suppress and write down, in the caller's transaction; False if it held already.

    Works as long as the message is known, also when its launch or its sender is long over.
    """
    held = _is_withdrawn(session, message)
    contact = _contact(session, message)
    if contact is not None:
        audiences.withdraw(session, contact, PURPOSE, channel)
    _keep_fact(session, message, visit.at, channel)
    if held:
        return False
    launch = queries.launch_of(session, message)
    service.record(session, EventType.UNSUBSCRIBE, launch, visit, message=message, ruling=_PERSON)
    return True


def resubscribe(session: Session, message: Message) -> bool:
    """Take back what was stopped through this mail within the last day; False if there is nothing.

    Who holds the mail's token has read the mail: that is the proof a double opt-in asks for. A
    complaint, an erasure or a withdrawal made elsewhere is left alone.
    """
    contact = _contact(session, message)
    if contact is None or not _may_take_back(session, message, contact):
        return False
    evidence = {"channel": "undo", "message": message.id}
    audiences.record_consent(
        session,
        contact,
        PURPOSE,
        ConsentBasis.CONSENT,
        locale=message.locale,
        evidence=evidence,
        state=ConsentState.PENDING_DOI,
    )
    audiences.confirm_consent(session, contact, PURPOSE, evidence)
    audit(session, None, message.tenant_id, "consent.restored", contact, message=message.id)
    return True


def _contact(session: Session, message: Message) -> Contact | None:
    """The person, locked, so that two requests at once act one after the other."""
    found = session.scalar(
        select(Contact)
        .where(Contact.id == message.contact_id, Contact.tenant_id == message.tenant_id)
        .with_for_update()
    )
    return found if found and found.status is not ContactStatus.ERASED else None


def _is_withdrawn(session: Session, message: Message) -> bool:
    contact = _contact(session, message)
    newest = newest_consent(session, contact, PURPOSE) if contact else None
    if newest is None:
        return _fact(session, message) is not None
    return newest.state is ConsentState.WITHDRAWN


def _may_take_back(session: Session, message: Message, contact: Contact) -> bool:
    newest = newest_consent(session, contact, PURPOSE)
    if newest is None or newest.state is not ConsentState.WITHDRAWN:
        return False
    ours = newest.evidence.get("channel") in (ONE_CLICK, PAGE)
    lately = clock_of(session)() - newest.at <= TAKE_BACK
    return ours and lately and _fact(session, message) is not None


def _fact(session: Session, message: Message) -> DeliveryFact | None:
    return session.scalar(
        select(DeliveryFact).where(
            DeliveryFact.message_id == message.id, DeliveryFact.kind == FactKind.UNSUBSCRIBED
        )
    )


def _keep_fact(session: Session, message: Message, at: datetime, channel: str) -> None:
    """Facts only add up: taken back or repeated, a message has at most one of this kind."""
    if _fact(session, message) is None:
        session.add(
            DeliveryFact(message_id=message.id, kind=FactKind.UNSUBSCRIBED, at=at, detail=channel)
        )
        session.flush()
