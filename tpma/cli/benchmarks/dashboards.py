"""A launch's dashboard by the figures kept beside the events, against counting the events."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tpma.cli.benchmarks.rows import Row
from tpma.core.clock import utc_now
from tpma.core.db import throw_away
from tpma.core.errors import Conflict
from tpma.sending.models import Message
from tpma.tracking import counting
from tpma.tracking.models import EventType, TrackingEvent, Verdict


def dashboard_rows(events: int, launches: int = 200) -> Iterator[Row]:
    """One launch's figures with so many events of all launches, and with ten times as many."""
    small, large = (_dashboard(number, launches) for number in (events, 10 * events))
    figures, grouped = large
    what = f"launch dashboard at {10 * events:,} events, against GROUP BY over them"
    yield Row(what, "ms", figures * 1e3, grouped * 1e3, grouped / figures, 100)
    what = "launch dashboard at ten times the events"
    growth = large[0] / small[0]
    yield Row(what, "ms", large[0] * 1e3, small[0] * 1e3, growth, 1.2, at_most=True)


def _dashboard(events: int, number: int) -> tuple[float, float]:
    """Seconds of the figures kept beside the events, and of counting these."""
    with TemporaryDirectory() as folder:
        db = throw_away(Path(folder) / "events.db", utc_now)
        with db.transaction() as session:
            launches = _filled(session, events, number)
        launch = launches[len(launches) // 2]
        with db.reading() as session:
            _same(session, launch)
            figures = _median(lambda: _by_figures(session, launch), 301)
            grouped = _median(lambda: _by_counting(session, launch), 9)
        db.close()
    return figures, grouped


def _filled(session: Session, events: int, number: int) -> list[UUID]:
    """Mails, a tenth of them as events, over many launches; one event in five a machine's."""
    launches = [UUID(int=1000 + n) for n in range(number)]
    session.execute(text("CREATE TEMP TABLE l (n INTEGER PRIMARY KEY, id TEXT)"))
    rows = [{"n": n, "id": launch.hex} for n, launch in enumerate(launches)]
    session.execute(text("INSERT INTO l VALUES (:n, :id)"), rows)
    mails = events // 10
    now = "2026-03-02 09:00:00.000000"
    session.execute(text("DROP INDEX ix_tracking_events_message"))
    session.execute(
        text(
            "WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < :mails)"
            " INSERT INTO messages (id, tenant_id, launch_id, step, seq, rcpt_key, locale,"
            " send_state, reason, generation, attempt_n)"
            " SELECT i, :tenant, l.id, 1, i, CAST(printf('%016d', i) AS BLOB), 'en', 'accepted',"
            " '', 1, 1 FROM k JOIN l ON l.n = i % :launches"
        ),
        {"mails": mails, "tenant": UUID(int=1).hex, "launches": number},
    )
    session.execute(
        text(
            "WITH RECURSIVE k(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM k WHERE i < :events - 1)"
            " INSERT INTO tracking_events (tenant_id, launch_id, campaign_code, type, message_id,"
            " link_key, occurred_at, ip_prefix, ua_family, verdict, rule)"
            " SELECT :tenant, l.id, 'C', CASE i % 3 WHEN 0 THEN 'click' ELSE 'open' END,"
            " 1 + i % :mails, '', :now, '', 'Chrome',"
            " CASE i % 5 WHEN 0 THEN 'scanner' ELSE 'human' END, ''"
            " FROM k JOIN l ON l.n = (1 + i % :mails) % :launches"
        ),
        {
            "events": events,
            "mails": mails,
            "tenant": UUID(int=1).hex,
            "now": now,
            "launches": number,
        },
    )
    session.execute(text("CREATE INDEX ix_tracking_events_message ON tracking_events(message_id)"))
    counting.rebuild(session)
    return launches


_ASKED = (EventType.OPEN, EventType.CLICK)


def _by_figures(session: Session, launch: UUID) -> list[int]:
    found = counting.acts(session, [launch], _ASKED)
    both = [found.get((launch, kind), counting.Acts()) for kind in _ASKED]
    return [number for acts in both for number in (acts.mails, acts.people)]


def _by_counting(session: Session, launch: UUID) -> list[int]:
    found = []
    for kind in _ASKED:
        mails = session.execute(
            select(
                func.count(TrackingEvent.message_id.distinct()),
                func.count(Message.rcpt_key.distinct()),
            )
            .join(Message, Message.id == TrackingEvent.message_id)
            .where(TrackingEvent.launch_id == launch, TrackingEvent.type == kind)
            .where(TrackingEvent.verdict == Verdict.HUMAN)
        ).one()
        found += [mails[0], mails[1]]
    return found


def _same(session: Session, launch: UUID) -> None:
    kept, counted = _by_figures(session, launch), _by_counting(session, launch)
    if kept != counted:
        raise Conflict(f"figures {kept} and events {counted} differ")


def _median(work: Callable[[], object], times: int) -> float:
    spent = []
    for _time in range(times):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return median(spent)
