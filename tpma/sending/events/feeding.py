"""From a message of a feed to the ledger: one transaction an event, and a place for poison."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import InterfaceError, OperationalError

from tpma.core.log import logger
from tpma.ports.events import RawEvent
from tpma.sending import feedback
from tpma.sending.events.models import DeadEvent
from tpma.system import System

_log = logger("events")
KEPT = timedelta(days=30)


def take(system: System, raw: RawEvent) -> None:
    """Apply all a message says. When this returns it is committed, and may be acknowledged."""
    if system.events is not None:
        for event in system.events.parse(raw):
            feedback.ingest(system, event)


def bury(system: System, source: str, raw: RawEvent, error: Exception) -> bool:
    """A message that failed `TPMA_SQS_MOST_RECEIVES` times is kept apart; True if this one is.

    Bodies hold addresses: what was buried a month ago is deleted on this occasion.

    A database in trouble is not the message's fault: such a failure buries nothing.
    """
    trouble = isinstance(error, (OperationalError, InterfaceError))
    if trouble or raw.receives < system.settings.sqs_most_receives:
        return False
    now = system.clock()
    with system.db.transaction() as session:
        session.execute(delete(DeadEvent).where(DeadEvent.buried_at < now - KEPT))
        session.add(
            DeadEvent(
                source=source,
                buried_at=now,
                receives=raw.receives,
                error=f"{type(error).__name__}: {error}".replace("\x00", "")[:500],
                body=raw.body.replace("\x00", ""),
            )
        )
    _log.error("event buried", alarm="dead_event", source=source, receives=raw.receives)
    return True
