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
from tpma.core.errors import NotFound
from tpma.core.log import logger
from tpma.identity.service import record as audit
from tpma.sending.events import counting
from tpma.sending.models import DeliveryFact, FactKind, Message
from tpma.system import System
from tpma.tracking import queries, service
from tpma.tracking.models import EventType, Verdict
from tpma.tracking.rules import Ruling, Visit

_log = logger("tracking")
PURPOSE = ConsentPurpose.PARTNER_MARKETING
TAKE_BACK = timedelta(days=1)
# RFC 8058, the button on our page, or a mail to the address of List-Unsubscribe (RFC 2369)
ONE_CLICK, PAGE, MAIL = "one_click", "page", "mail"
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


def by_mail(system: System, token: str, at: datetime) -> str:
    """Unsubscribe the one reader whom the token in a mail names; "applied", "repeated" or
    "forged". The sender's address proves nothing and is not looked at."""
    with system.db.transaction() as session:
        try:
            message = queries.message_of(session, system.signer, token)
        except NotFound:
            result = "forged"
            _log.warning("unsubscribe by mail names nobody", token=bool(token))
        else:
            visit = Visit(at=at, method="POST")
            result = "applied" if unsubscribe(session, message, visit, MAIL) else "repeated"
        counting.count(session, system.clock(), "mail", "unsubscribe", result)
    return result


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
    ours = newest.evidence.get("channel") in (ONE_CLICK, PAGE, MAIL)
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
