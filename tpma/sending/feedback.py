"""What providers (or the mailbox's hand) tell us after a mail has left, applied once each.

An event is stored under a key of its content and applied in the same transaction; a second
copy changes nothing. Facts commute, so order does not matter. An event moves a message only if
it names an attempt of ours, and never backwards.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.models import Contact, SuppressionReason
from tpma.core.signing import Signer
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import outcomes
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    EventInbox,
    FactKind,
    Message,
    SendState,
)
from tpma.system import System


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One thing that happened to one mail. `kind` "send" proves the acceptance itself."""

    source: str  # ses, outbox
    kind: str  # send, or a FactKind
    attempt_id: str  # uuid hex, from the tag tpma-attempt
    environment: str
    at: datetime
    detail: str = ""
    provider_id: str = ""
    unique: str = ""  # feedback id, timestamp…: what tells two events of a kind apart

    @property
    def dedupe_key(self) -> str:
        parts = (self.source, self.attempt_id, self.kind, self.unique)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


_SUPPRESSING: Mapping[FactKind, SuppressionReason] = {
    FactKind.BOUNCED_HARD: SuppressionReason.HARD_BOUNCE,
    FactKind.COMPLAINED: SuppressionReason.COMPLAINT,
}
# An unsubscribe comes through our own door, which also withdraws the consent.
_KINDS = frozenset(FactKind) - {FactKind.UNSUBSCRIBED}


def ingest(system: System, event: DeliveryEvent) -> str:
    """Apply one event once; "applied", "repeated", "ignored", "foreign" or "orphan"."""
    with system.db.transaction() as session:
        return apply(session, system.signer, event, system.settings.environment, system.clock())


def apply(
    session: Session, signer: Signer, event: DeliveryEvent, environment: str, now: datetime
) -> str:
    """As `ingest`, in the caller's transaction. The stored key is the lock: two copies that
    arrive at once are applied one after the other."""
    if not _keep(session, event, now):
        return "repeated"
    status = "foreign" if event.environment != environment else _correlate(session, signer, event)
    session.execute(
        update(EventInbox)
        .where(EventInbox.dedupe_key == event.dedupe_key)
        .values(status=status)
        .execution_options(synchronize_session=False)
    )
    return status


def _keep(session: Session, event: DeliveryEvent, now: datetime) -> bool:
    row = {
        "dedupe_key": event.dedupe_key,
        "source": event.source,
        "received_at": now,
        "body": {"kind": event.kind, "attempt": event.attempt_id, "detail": event.detail},
        "status": "new",
    }
    return outcomes.insert_once(session, EventInbox, row)


def _correlate(session: Session, signer: Signer, event: DeliveryEvent) -> str:
    try:
        attempt = session.get(Attempt, UUID(hex=event.attempt_id))
    except ValueError:
        attempt = None
    if attempt is None:
        return "orphan"
    _prove_accepted(session, attempt, event)
    if event.kind == "send":
        return "applied"
    if event.kind not in _KINDS:  # "not-spam", a subscription, what providers add some day
        return "ignored"
    _add(session, signer, attempt.message_id, FactKind(event.kind), event)
    return "applied"


def _prove_accepted(session: Session, attempt: Attempt, event: DeliveryEvent) -> None:
    """T13: any event that names an attempt proves that the provider took it.

    The earliest moment known stands, so that the order of events does not matter.
    """
    proof = SendResult(Outcome.ACCEPTED, event.provider_id or None, code="event")
    outcomes.close_attempt(session, attempt.id, proof)
    mine = Message.id == attempt.message_id
    session.execute(
        update(Message)
        .where(mine, Message.send_state.in_(outcomes.MOVES[Outcome.ACCEPTED][0]))
        .values(send_state=SendState.ACCEPTED, accepted_at=event.at)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Message)
        .where(mine, Message.send_state == SendState.ACCEPTED, Message.accepted_at > event.at)
        .values(accepted_at=event.at)
        .execution_options(synchronize_session=False)
    )
    if event.provider_id:
        session.execute(
            update(Message)
            .where(mine, Message.provider_id.is_(None))
            .values(provider_id=event.provider_id)
            .execution_options(synchronize_session=False)
        )
    outcomes.add_fact(session, attempt.message_id, FactKind.ACCEPTED, event.at)
    session.execute(
        update(DeliveryFact)
        .where(DeliveryFact.message_id == attempt.message_id, DeliveryFact.at > event.at)
        .where(DeliveryFact.kind == FactKind.ACCEPTED)
        .values(at=event.at)
        .execution_options(synchronize_session=False)
    )


def _add(
    session: Session, signer: Signer, message_id: int, kind: FactKind, event: DeliveryEvent
) -> None:
    outcomes.add_fact(
        session, message_id, kind, event.at, detail=event.detail, dedupe=event.unique[:64]
    )
    reason = _SUPPRESSING.get(kind)
    if reason is not None:
        _suppress(session, signer, message_id, reason)


def _suppress(session: Session, signer: Signer, message_id: int, reason: SuppressionReason) -> None:
    """A hard bounce or a complaint closes the address for this partner, from this commit on."""
    row = session.execute(
        select(Contact.email, Message.tenant_id)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.id == message_id)
    ).one_or_none()
    if row is not None and row.email:
        audiences.suppress(
            session,
            signer,
            tenant_id=row.tenant_id,
            address=row.email,
            reason=reason,
            source=f"message:{message_id}",
        )
