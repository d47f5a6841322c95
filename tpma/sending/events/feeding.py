"""From a message of a feed to the ledger: one transaction an event, and a place for poison."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import InterfaceError, OperationalError

from tpma import jobs
from tpma.core.log import logger
from tpma.ports.events import DeliveryEvent, EventKind, EventSource, RawEvent
from tpma.sending import feedback
from tpma.sending.events.models import DeadEvent
from tpma.system import System

_log = logger("events")
KEPT = timedelta(days=30)
_LETTERS = 100  # mails a look


def take(system: System, raw: RawEvent, source: EventSource | None = None) -> None:
    """Apply all a message says. When this returns it is committed, and may be acknowledged.

    `source` is whose message it is: the feed's, unless said otherwise.
    """
    source = source or system.events
    if source is None:
        return
    for event in source.parse(raw):
        if event.kind is EventKind.UNSUBSCRIBE:
            _pass_on(system, event)
        else:
            feedback.ingest(system, event)


def _pass_on(system: System, event: DeliveryEvent) -> None:
    """Who unsubscribes, and whether the token is ours, is for the room that knows readers."""
    with system.db.transaction() as session:
        jobs.enqueue(
            session,
            "tracking.mailed_unsubscribe",
            system.clock(),
            key=f"tracking.mailed_unsubscribe:{event.unique}",
            token=event.token,
            at=event.at.isoformat(),
        )


def read_letters(system: System) -> int:
    """Mails that came back by mail beside a queue of events; how many were read."""
    source = system.letters
    if source is None:
        return 0
    done = []
    for raw in source.receive(_LETTERS, 0):
        take(system, raw, source)
        done.append(raw)
    source.ack(done)
    return len(done)


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
