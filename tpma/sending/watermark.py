"""How far a feed can be trusted: what has not been told by now will not be.

An attempt in doubt may be given up, or sent again, only when the feed has told of mails handed
over after it. A feed that is silent proves nothing: then doubts wait (docs/delivery.md).
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from tpma.core.db import clock_of, upsert
from tpma.ports.events import DeliveryEvent, EventKind
from tpma.sending.events.models import Feed

SLACK = timedelta(minutes=2)  # events overtake one another
STALE_AFTER = timedelta(minutes=10)


def past(session: Session, moment: datetime, feed: str | None = None) -> bool:
    """Has this feed (or every watched one) told of all that was accepted before `moment`?

    True needs a Send event of an attempt, or a canary, that started after the moment: an old
    attempt's late event alone proves nothing about it.
    """
    found = _of(session, feed)
    return bool(found) and all(_is_past(one, moment) for one in found)


def _is_past(feed: Feed, moment: datetime) -> bool:
    if feed.seen_through is None or feed.attempts_through is None:
        return False
    return feed.seen_through - SLACK >= moment and feed.attempts_through > moment


def is_known(session: Session) -> bool:
    """Some feed was ever heard of, or is watched; without one nothing will be told."""
    return bool(_of(session, None))


def reach(session: Session, feed: str | None = None) -> datetime | None:
    """`past` holds for every moment before this one; None if some feed has said nothing yet."""
    marks = [_reach(one) for one in _of(session, feed)]
    known = [mark for mark in marks if mark is not None]
    return min(known) if known and len(known) == len(marks) else None


def _reach(feed: Feed) -> datetime | None:
    if feed.seen_through is None or feed.attempts_through is None:
        return None
    return min(feed.seen_through - SLACK, feed.attempts_through)


def _of(session: Session, name: str | None) -> list[Feed]:
    """The feed of this name, else the watched ones, else all we ever heard of."""
    if name is not None:
        return list(session.scalars(select(Feed).where(Feed.name == name)))
    every = list(session.scalars(select(Feed)))
    return [feed for feed in every if feed.is_watched] or every


def feed_name(source: str, published_under: str) -> str:
    return f"{source}:{published_under}"[:96]


def advance(session: Session, event: DeliveryEvent, started_at: datetime) -> None:
    """A Send event of an attempt (or canary) that started then; other kinds say nothing."""
    if event.kind is not EventKind.SEND:
        return
    seen = min(event.handed_over_at or event.at, clock_of(session)())
    name = feed_name(event.source, event.feed)
    know(session, name)
    for column, moment in ((Feed.seen_through, seen), (Feed.attempts_through, started_at)):
        session.execute(
            update(Feed)
            .where(Feed.name == name, or_(column.is_(None), column < moment))
            .values({column: moment})
            .execution_options(synchronize_session=False)
        )


def know(session: Session, name: str) -> None:
    """There is a row of this feed."""
    session.execute(
        upsert(session, Feed).values(name=name, is_watched=False).on_conflict_do_nothing()
    )


def watch(session: Session, name: str) -> None:
    """Canaries are sent through this feed: its silence is news, ten minutes from now on."""
    know(session, name)
    session.execute(
        update(Feed)
        .where(Feed.name == name, Feed.is_watched.is_(False))
        .values(is_watched=True, alarmed_at=clock_of(session)())
        .execution_options(synchronize_session=False)
    )


def ages(session: Session, now: datetime) -> dict[str, timedelta | None]:
    """How old the mark of each feed is; None for one that never told of a mail."""
    return {
        feed.name: now - feed.seen_through if feed.seen_through else None
        for feed in _of(session, None)
    }


def raise_alarms(session: Session, now: datetime) -> list[str]:
    """Watched feeds that have been silent too long, each named once in ten minutes."""
    stale = [
        feed
        for feed in session.scalars(select(Feed).where(Feed.is_watched.is_(True)))
        if (feed.seen_through is None or now - feed.seen_through > STALE_AFTER)
        and (feed.alarmed_at is None or now - feed.alarmed_at >= STALE_AFTER)
    ]
    for feed in stale:
        feed.alarmed_at = now
    return [feed.name for feed in stale]
