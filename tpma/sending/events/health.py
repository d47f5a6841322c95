"""How well the feeds are: for the doctor and the shell."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.clock import Clock
from tpma.sending import watermark
from tpma.sending.events import canary, counting, subscriptions
from tpma.sending.events.models import DeadEvent, EventOrphan
from tpma.system import System

_WAYS = {
    "ses": "TPMA_SQS_QUEUE_URL or TPMA_SNS_TOPICS",
    "smtp": "TPMA_DSN_MAILDIR or TPMA_DSN_IMAP_URL",
}
_LABELS = {
    "waiting": "events waiting for their mail",
    "dead": "events put aside",
    "lost": "events of no mail of ours",
    "foreign": "events of another installation",
}


def waiting(session: Session) -> dict[str, int]:
    """What waits, and what was put aside or given up."""
    return {
        "waiting": _number(session, EventOrphan),
        "dead": _number(session, DeadEvent),
        "lost": counting.counted(session, "lost"),
        "foreign": counting.counted(session, "foreign"),
    }


def figures(session: Session) -> dict[str, int]:
    """`waiting`, as the shell says it."""
    return {_LABELS[key]: number for key, number in waiting(session).items()}


def _number(session: Session, table: type[EventOrphan] | type[DeadEvent]) -> int:
    return int(session.scalar(select(func.count()).select_from(table)) or 0)


def findings(session: Session, system: System) -> Iterator[tuple[bool, str]]:
    """(well or not, one line), where mail leaves this machine."""
    listens = system.events is not None or system.push is not None
    yield (
        listens,
        "events are listened to"
        if listens
        else f"nothing listens to events: set {_WAYS.get(system.mail.name, _WAYS['ses'])}",
    )
    yield from _marks(session, system.clock)
    if canary.feed_of(system) is not None:
        yield canary.is_heard(session, system.clock()), "canaries came back within 15 minutes"
    for topic in subscriptions.lost(session):
        yield False, f"topic {topic} was unsubscribed"
    dead = figures(session)["events put aside"]
    yield not dead, f"events put aside: {dead}"


def _marks(session: Session, clock: Clock) -> Iterator[tuple[bool, str]]:
    for name, age in watermark.ages(session, clock()).items():
        fresh = age is not None and age <= watermark.STALE_AFTER
        told = "nothing yet" if age is None else f"{int(age.total_seconds())} s ago"
        yield fresh, f"feed {name} told through {told}"
