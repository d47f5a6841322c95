"""Which events close an address for the partner, and for how long (RT-08)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.audiences import service as audiences
from tpma.audiences.models import Contact, SuppressionReason
from tpma.core.db import clock_of
from tpma.core.signing import Signer
from tpma.ports.events import DeliveryEvent
from tpma.sending.events.rules import SoftBounce, closed_until
from tpma.sending.models import DeliveryFact, FactKind, Message

# Other permanent subtypes speak of lists and contents, not of the mailbox.
_DEAD_MAILBOX = frozenset({"General", "NoEmail"})


def after(
    session: Session, signer: Signer, message_id: int, kind: FactKind, event: DeliveryEvent
) -> None:
    """Close the address this fact speaks against, from this commit on."""
    if kind is FactKind.COMPLAINED:
        _close(session, signer, message_id, SuppressionReason.COMPLAINT)
    elif kind is FactKind.BOUNCED_HARD and event.subtype in _DEAD_MAILBOX:
        _close(session, signer, message_id, SuppressionReason.HARD_BOUNCE)
    elif kind is FactKind.BOUNCED_SOFT:
        _count_soft(session, signer, message_id)


def _close(
    session: Session, signer: Signer, message_id: int, reason: SuppressionReason
) -> UUID | None:
    """The contact whose address is closed now, for this partner alone; None if it was erased."""
    contact = _contact(session, message_id)
    if contact is None or not contact.email:
        return None
    audiences.suppress(
        session,
        signer,
        tenant_id=contact.tenant_id,
        address=contact.email,
        reason=reason,
        source=f"message:{message_id}",
    )
    return contact.id


def _contact(session: Session, message_id: int) -> Contact | None:
    """Locked, so that two bounces at once are counted one after the other; a worker's look at
    the contact (KEY SHARE) does not wait for this."""
    return session.scalar(
        select(Contact)
        .join(Message, Message.contact_id == Contact.id)
        .where(Message.id == message_id)
        .with_for_update(of=Contact, key_share=True)
    )


def _count_soft(session: Session, signer: Signer, message_id: int) -> None:
    contact = _contact(session, message_id)
    until = closed_until(_soft_bounces(session, contact.id)) if contact else None
    if until is None or until <= clock_of(session)():
        return
    contact_id = _close(session, signer, message_id, SuppressionReason.SOFT_BOUNCE)
    if contact_id is not None:
        _end_later(session, contact_id, until)


def _soft_bounces(session: Session, contact_id: UUID) -> list[SoftBounce]:
    rows = session.execute(
        select(DeliveryFact.at, Message.launch_id, DeliveryFact.subtype)
        .join(Message, Message.id == DeliveryFact.message_id)
        .where(Message.contact_id == contact_id, DeliveryFact.kind == FactKind.BOUNCED_SOFT)
    )
    return [SoftBounce(row.at, row.launch_id, row.subtype) for row in rows]


def _end_later(session: Session, contact_id: UUID, until: datetime) -> None:
    jobs.enqueue(
        session,
        "sending.end_soft_bounce",
        until,
        key=f"soft-bounce:{contact_id.hex}:{until:%Y%m%dT%H%M%S}",
        contact_id=str(contact_id),
    )


def end_soft_bounce(session: Session, contact_id: UUID) -> None:
    """Open the address again, unless later bounces keep it closed."""
    contact = session.get(Contact, contact_id, with_for_update=True)
    if contact is None:
        return
    until = closed_until(_soft_bounces(session, contact_id))
    if until is not None and until > clock_of(session)():
        _end_later(session, contact_id, until)
    else:
        audiences.lift_soft_bounce(session, contact)
