"""What providers (or the mailbox's hand) tell us after a mail has left, applied once each.

An event is stored under a key of its content and applied in the same transaction; a second
copy changes nothing. Facts commute, so order does not matter. An event moves a message only if
it names an attempt of ours, and never backwards; one that names none yet is parked for a day.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.models import Contact
from tpma.core.errors import Invalid
from tpma.core.log import logger
from tpma.core.signing import Signer
from tpma.core.text import email_address
from tpma.ports.events import DeliveryEvent, EventKind
from tpma.sending import notices, outcomes, watermark
from tpma.sending.domains import queries
from tpma.sending.events import canary, correlation, counting, facts, orphans, suppressing
from tpma.sending.events.models import Canary
from tpma.sending.models import Attempt, EventInbox, FactKind, Message, Notice
from tpma.system import System

_log = logger("events")


def ingest(system: System, event: DeliveryEvent) -> str:
    """Apply one event once; "applied", "repeated", "ignored", "foreign" or "orphan"."""
    with system.db.transaction() as session:
        told = _by_our_feed(session, event, system.settings.ses_configuration_set)
        return apply(session, system.signer, told, system.settings.environment, system.clock())


def _by_our_feed(session: Session, event: DeliveryEvent, feed: str) -> DeliveryEvent:
    """A partner's own configuration set publishes to the topic all others do: one feed, whose
    silence and whose watermark are the installation's."""
    if not event.feed or event.feed == feed or not queries.is_tenants(session, event.feed):
        return event
    return replace(event, feed=feed)


def apply(
    session: Session, signer: Signer, event: DeliveryEvent, environment: str, now: datetime
) -> str:
    """As `ingest`, in the caller's transaction. The stored key is the lock: two copies that
    arrive at once are applied one after the other."""
    if not _keep(session, event, now):
        status = "repeated"
    elif event.environment and event.environment != environment:
        status = _mark(session, event.dedupe_key, "foreign")
    else:
        status = _mark(session, event.dedupe_key, _correlate(session, signer, event, now))
    counting.count(session, now, event.source, event.told or event.kind.value, status)
    return status


def rematch(system: System) -> int:
    """Look again at events that named nothing of ours; how many are placed, or given up."""
    now = system.clock()
    with system.db.reading() as session:
        waiting = orphans.due(session, now)
    return sum(_rematch(system, key, now) for key in waiting)


def _rematch(system: System, key: str, now: datetime) -> bool:
    with system.db.transaction() as session:
        parked = orphans.take(session, key, now)
        if parked is None:
            return False
        event = orphans.event_of(parked)
        status = _place(session, system.signer, event)
        if status == "orphan":
            if not orphans.is_over(parked, now):
                return False
            status = "lost"
            _log.warning("event of no mail of ours", kind=event.kind.value, source=event.source)
        _mark(session, key, status)
        session.delete(parked)
        session.flush()
        counting.count(session, now, event.source, event.told or event.kind.value, status)
    return True


def _keep(session: Session, event: DeliveryEvent, now: datetime) -> bool:
    row = {
        "dedupe_key": event.dedupe_key,
        "source": event.source,
        "received_at": now,
        "body": {
            "kind": event.told or event.kind.value,
            "attempt": event.attempt_id[:36],
            "provider": event.provider_id,
            "subtype": event.subtype,
            "detail": event.detail,
        },
        "status": "new",
    }
    return outcomes.insert_once(session, EventInbox, row)


def _mark(session: Session, key: str, status: str) -> str:
    session.execute(
        update(EventInbox)
        .where(EventInbox.dedupe_key == key)
        .values(status=status)
        .execution_options(synchronize_session=False)
    )
    return status


def _correlate(session: Session, signer: Signer, event: DeliveryEvent, now: datetime) -> str:
    status = _place(session, signer, event)
    if status == "orphan":
        orphans.park(session, event, _recipient_key(signer, event.recipient), now)
    return status


def _place(session: Session, signer: Signer, event: DeliveryEvent) -> str:
    found = correlation.find(session, event)
    if found is None:
        return "orphan"
    if isinstance(found, Canary):
        canary.heard(found, event)
        watermark.advance(session, event, found.started_at)
        return "applied"
    if isinstance(found, Notice):  # nobody's report counts it, but it has left
        notices.proved(session, found.id, event.provider_id or None)
        return "applied"
    return _apply_to(session, signer, found, event)


def _apply_to(session: Session, signer: Signer, attempt: Attempt, event: DeliveryEvent) -> str:
    message_id, started_at = attempt.message_id, attempt.started_at
    facts.prove_accepted(session, attempt, event)
    kind = facts.fact_of(event)
    if kind is not None and not _is_about(session, signer, message_id, event):
        kind = None
    if kind is not None:
        _add(session, signer, message_id, kind, event)
    watermark.advance(session, event, started_at)
    return "applied" if kind is not None or event.kind is EventKind.SEND else "ignored"


def _add(
    session: Session, signer: Signer, message_id: int, kind: FactKind, event: DeliveryEvent
) -> None:
    facts.add(
        session,
        message_id,
        kind,
        event.at,
        detail=event.detail,
        subtype=event.subtype,
        unique=event.unique,
    )
    suppressing.after(session, signer, message_id, kind, event)


def _is_about(session: Session, signer: Signer, message_id: int, event: DeliveryEvent) -> bool:
    """Of several recipients an event names, the one this message was for. A mail of ours has
    one, so a lone recipient is it, however the other side spells the address."""
    if event.alone:
        return True
    known = session.scalar(
        select(Contact.hmac)
        .join(Message, Message.contact_id == Contact.id)
        .where(Message.id == message_id)
    )
    return known is not None and known.hex() == _recipient_key(signer, event.recipient)


def _recipient_key(signer: Signer, recipient: str) -> str:
    """The keyed hash of an address in hex; of a parked event's recipient, what it is already."""
    if recipient.startswith(orphans.HASHED):
        return recipient.removeprefix(orphans.HASHED)
    try:
        return audiences.address_hash(signer, email_address(recipient).norm).hex()
    except Invalid:
        return ""
