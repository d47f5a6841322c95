"""The warm-up of sending domains in the database: what is left of a day, taken and given back.

A day's places are taken in the transaction that takes the mails, with all other limits or not at
all; the row of the domain is locked from then on. What died with its worker is not given back, so
a cap is never exceeded, whatever dies.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.core.log import logger
from tpma.core.text import registrable_domain
from tpma.identity.service import record
from tpma.sending import warming, watermark
from tpma.sending.events.models import Feed
from tpma.sending.models import (
    DeliveryFact,
    FactKind,
    LaunchPace,
    Message,
    QuotaCounter,
    SendState,
    Warmup,
)
from tpma.sending.warming import Day, Verdict

_log = logger("sending")
# Names that nobody can receive mail at or look up (RFC 2606, RFC 6761).
_RESERVED = ("example", "test", "invalid", "localhost")
_RESERVED_DOMAINS = ("example.com", "example.net", "example.org")
HISTORY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a domain stands today. `cap` is None where nothing limits it."""

    domain: str
    step: int
    cap: int | None
    taken: int  # today
    verdict: str = ""
    stopped: str = ""
    since: date | None = None  # the last active day
    own: bool = False  # the cap does not move: it is the operator's, or the warm-up is stopped
    warmed_at: datetime | None = None

    @property
    def left(self) -> int | None:
        return None if self.cap is None else max(self.cap - self.taken, 0)


def organisational(host: str) -> str:
    """The domain a From host is counted to; "" for a reserved name, which has no reputation."""
    plain = host.lower().rstrip(".")
    found = registrable_domain(plain) or plain
    reserved = plain.rsplit(".", 1)[-1] in _RESERVED or found in _RESERVED_DOMAINS
    return "" if reserved else found


def begin(session: Session, domain: str, now: datetime, *, known: bool = False) -> None:
    """There is a row of this domain. `known`: it sent before rows were kept (the platform's own),
    so it starts at the rung of its best day of the last thirty."""
    if session.get(Warmup, domain) is not None:
        return
    step = warming.rung_for(_best_day(session, now)) if known else 0
    values = {"domain": domain, "step": step, "taken": 0, "verdict": "", "stopped": ""}
    session.execute(upsert(session, Warmup).values(**values).on_conflict_do_nothing())


def _best_day(session: Session, now: datetime) -> int:
    """Mails taken on the busiest day of the last thirty, over all accounts; 0 without any."""
    first = int((now - HISTORY).timestamp() // 3600)
    rows = session.execute(
        select(QuotaCounter.hour, func.sum(QuotaCounter.taken))
        .where(QuotaCounter.scope.like("account:%"), QuotaCounter.hour >= first)
        .group_by(QuotaCounter.hour)
    )
    days: dict[int, int] = {}
    for hour, taken in rows:
        days[hour // 24] = days.get(hour // 24, 0) + int(taken)
    return max(days.values(), default=0)


def standing(session: Session, domain: str, now: datetime) -> Standing:
    """Today's cap and use, judged by the last active day. Changes nothing."""
    row = session.get(Warmup, domain)
    if row is None:
        return Standing(domain, 0, warming.cap(0), 0)
    if row.day == now.date():
        return _standing(row, row.step, row.verdict, row.stopped, row.taken)
    return _standing(row, *_judged(session, row, now), 0)


def _standing(row: Warmup, step: int, verdict: str, stopped: str, taken: int) -> Standing:
    cap: int | None = row.own_cap or warming.cap(step)
    if row.warmed_at is not None:
        cap = None
    elif stopped:
        cap = 0
    fixed = bool(row.own_cap or stopped)
    return Standing(row.domain, step, cap, taken, verdict, stopped, row.day, fixed, row.warmed_at)


def _judged(session: Session, row: Warmup, now: datetime) -> tuple[int, str, str]:
    """Rung, verdict and cause of a stop, as they hold from today on."""
    if row.day is None or row.stopped or row.warmed_at is not None:
        return row.step, row.verdict, row.stopped
    found, cause = warming.verdict(_day(session, row, row.day, now))
    step = warming.step_after(row.step, found)
    idle = datetime.combine(now.date(), time()) - datetime.combine(row.day, time())
    stopped = cause if found is Verdict.STOP else ""
    return warming.step_after_idle(step, idle), found.value, stopped


def _day(session: Session, row: Warmup, day: date, now: datetime) -> Day:
    facts = tally(session, row.domain, day)
    return Day(
        cap=row.own_cap or warming.cap(row.step),
        taken=row.taken,
        accepted=facts.get("", 0),
        bounced=facts.get(FactKind.BOUNCED_HARD, 0),
        complained=facts.get(FactKind.COMPLAINED, 0),
        deferred=facts.get(FactKind.DELAYED, 0),
        told=not _is_silent(session, now),
    )


def tally(session: Session, domain: str, day: date) -> dict[str, int]:
    """Mails of the domain that left on a day ("") and, by kind of fact, what came of them."""
    begins = datetime.combine(day, time(), UTC)
    ends = begins + timedelta(days=1)
    launches = select(LaunchPace.launch_id).where(
        LaunchPace.domain == domain, LaunchPace.served_at >= begins
    )
    left = [
        Message.launch_id.in_(launches),
        Message.send_state == SendState.ACCEPTED,
        Message.accepted_at >= begins,
        Message.accepted_at < ends,
    ]
    facts = session.execute(
        select(DeliveryFact.kind, func.count(func.distinct(DeliveryFact.message_id)))
        .join(Message, Message.id == DeliveryFact.message_id)
        .where(*left)
        .group_by(DeliveryFact.kind)
    )
    accepted = session.scalar(select(func.count()).select_from(Message).where(*left)) or 0
    return {"": accepted} | {row[0]: row[1] for row in facts}


def _is_silent(session: Session, now: datetime) -> bool:
    """A watched feed that tells nothing: what it did not tell proves nothing."""
    watched = session.scalars(select(Feed).where(Feed.is_watched.is_(True)))
    return any(
        feed.seen_through is None or now - feed.seen_through > watermark.STALE_AFTER
        for feed in watched
    )


def today(session: Session, domain: str, now: datetime) -> Standing:
    """As `standing`, with the domain's row locked until the commit. A stop is kept."""
    begin(session, domain, now)
    row = session.get_one(Warmup, domain, with_for_update=True, populate_existing=True)
    if row.day is not None and row.day > now.date():
        return _standing(row, row.step, row.verdict, row.stopped, row.taken)  # a clock went back
    found = standing(session, domain, now)
    if found.stopped and not row.stopped:
        row.verdict, row.stopped = found.verdict, found.stopped
        record(session, None, None, "warmup.stopped", row, domain=domain, cause=found.stopped)
        _log.warning("warm-up stopped", domain=domain, cause=found.stopped)
    return found


def take(session: Session, found: Standing, now: datetime, count: int) -> None:
    """Charge places that `today` said are left; in its transaction. The first of a day settles
    what the last one came to."""
    row = session.get_one(Warmup, found.domain)
    row.step, row.verdict = found.step, found.verdict
    row.taken = found.taken + count
    row.day = max(row.day or now.date(), now.date())


def give_back(session: Session, domain: str, day: date, unused: int) -> None:
    """Places of mails that provably did not leave, while that day lasts."""
    row = session.get(Warmup, domain, with_for_update=True, populate_existing=True)
    if row is not None and row.day == day:
        row.taken = max(row.taken - unused, 0)
