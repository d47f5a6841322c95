"""What the operator sees of the sending: how fast, who waits and why, what nobody knows.

Counts, codes, states and names of companies; no recipient. Reads only, set by set.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.identity.models import Organisation
from tpma.launches.models import Launch, LaunchState
from tpma.launches.rules import UNDER_WAY
from tpma.sending import lanes, limits, open_work, operating, overseeing_domains, watermark
from tpma.sending.events import health
from tpma.sending.events.models import Feed
from tpma.sending.models import (
    Attempt,
    LaunchPace,
    Message,
    ProviderAccount,
    SendChunk,
    SendLane,
    SendRate,
    SendState,
)
from tpma.sending.overseeing_domains import MailboxLine
from tpma.sending.warmup import Standing

DOUBT_ALARM = timedelta(hours=1)
_MOST = 200  # rows of one table; the rest is counted


@dataclass(frozen=True, slots=True)
class Account:
    """One way out: what the provider allows, what we take of it, and whether it answers."""

    scope: str
    transport: str
    per_second: float | None
    ceiling: float | None
    throttled: int
    held_until: datetime | None  # None unless it is held now
    cause: str
    used_24h: int
    max_24h: float | None  # None: no limit, or none known
    enforcement: str
    sandbox: bool
    enabled: bool
    read_at: datetime | None

    @property
    def used(self) -> float | None:
        """The share of the provider's day that is taken."""
        return self.used_24h / self.max_24h if self.max_24h else None


@dataclass(frozen=True, slots=True)
class Lane:
    tenant_id: UUID
    company: str
    backlog: int
    oldest: datetime | None  # since when its oldest chunk could be sent
    vtime: float
    held_until: datetime | None  # None unless it is held now
    cause: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A launch under way that has mails to send, waits, or stands still."""

    id: UUID
    code: str
    company: str
    state: str
    cause: str
    queued: int
    accepted: int
    released: int
    held_until: datetime | None
    held_back: bool  # waits for what its first hundred bring
    liftable: bool  # paused by the operator or a restore


@dataclass(frozen=True, slots=True)
class Doubt:
    """Mails of one launch whose fate is open, or will stay unknown."""

    launch_id: UUID
    code: str
    company: str
    in_doubt: int
    unconfirmed: int
    since: datetime | None  # start of the oldest attempt in doubt


@dataclass(frozen=True, slots=True)
class DeadLetters:
    launch_id: UUID
    code: str
    company: str
    reason: str
    count: int
    revivable: bool


@dataclass(frozen=True, slots=True)
class FeedMark:
    name: str
    watched: bool
    seen_through: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Overview:
    accounts: list[Account]
    lanes: list[Lane]
    launches: list[Sending]
    doubts: list[Doubt]
    dead: list[DeadLetters]
    feeds: list[FeedMark]
    events: dict[str, int]  # waiting, dead, lost, foreign
    restored: int
    warm_ups: list[Standing]
    mailboxes: list[MailboxLine]

    @property
    def is_empty(self) -> bool:
        """There is nothing to look after yet."""
        return not (
            self.accounts
            or self.lanes
            or self.launches
            or self.doubts
            or self.dead
            or self.feeds
            or self.warm_ups
        )


def overview(session: Session) -> Overview:
    now = clock_of(session)()
    return Overview(
        accounts=accounts(session, now),
        lanes=lanes_of(session, now),
        launches=sending(session, now),
        doubts=doubts(session),
        dead=dead_letters(session),
        feeds=feeds(session, now),
        events=health.waiting(session),
        restored=operating.waiting_launches(session),
        warm_ups=overseeing_domains.warm_ups(session, now),
        mailboxes=overseeing_domains.mailboxes(session, now),
    )


def accounts(session: Session, now: datetime) -> list[Account]:
    told = {one.transport: one for one in session.scalars(select(ProviderAccount))}
    paced = {
        rate.scope.removeprefix("account:"): rate
        for rate in session.scalars(select(SendRate).where(SendRate.scope.like("account:%")))
    }
    return [_account(session, name, told.get(name), paced.get(name), now)
            for name in sorted({*told, *paced})]  # fmt: skip


def _account(
    session: Session,
    transport: str,
    told: ProviderAccount | None,
    rate: SendRate | None,
    now: datetime,
) -> Account:
    scope = limits.account_scope(transport)
    ours = limits.taken(session, scope, now)
    held = rate is not None and rate.held_until is not None and rate.held_until > now
    return Account(
        scope=scope,
        transport=transport,
        per_second=rate.per_second if rate else None,
        ceiling=rate.ceiling if rate else None,
        throttled=rate.throttled if rate else 0,
        held_until=rate.held_until if rate and held else None,
        cause=rate.cause if rate and held else "",
        used_24h=int(max(told.sent_24h if told else 0, ours)),
        max_24h=told.max_24h if told and told.max_24h > 0 else None,
        enforcement=told.enforcement if told else "",
        sandbox=bool(told and told.sandbox),
        enabled=told is None or told.sending_enabled,
        read_at=told.read_at if told else None,
    )


def lanes_of(session: Session, now: datetime) -> list[Lane]:
    """Lanes with something to send, or that are held; the longest wait first."""
    waiting = _backlog().subquery()
    held = and_(SendLane.held_until.is_not(None), SendLane.held_until > now)
    rows = session.execute(
        select(SendLane, Organisation.trading_name, waiting.c.mails, waiting.c.oldest)
        .join(Organisation, Organisation.id == SendLane.tenant_id)
        .outerjoin(waiting, waiting.c.lane_id == SendLane.id)
        .where(or_(held, waiting.c.mails > 0))
        .order_by(waiting.c.oldest, Organisation.trading_name)
        .limit(_MOST)
    )
    return [
        Lane(
            lane.tenant_id, company, mails or 0, oldest, lane.vtime,
            *((lane.held_until, lane.cause) if lane.held_until and lane.held_until > now
              else (None, "")),
        )
        for lane, company, mails, oldest in rows
    ]  # fmt: skip


def _backlog() -> Any:
    """Mails of launches that send, by lane; since when the oldest open chunk was due."""
    return (
        select(
            SendChunk.lane_id,
            func.count(Message.id).label("mails"),
            func.min(SendChunk.not_before).label("oldest"),
        )
        .join(Launch, Launch.id == SendChunk.launch_id)
        .join(Message, and_(Message.chunk_id == SendChunk.id,
                            Message.send_state == SendState.QUEUED))
        .where(SendChunk.finished_at.is_(None), Launch.state.in_(lanes.SENDING))
        .group_by(SendChunk.lane_id)
    )  # fmt: skip


def sending(session: Session, now: datetime) -> list[Sending]:
    """Launches that send or are paused, and collecting ones with mails in their queue."""
    counts = _by_launch(session, (SendState.QUEUED, SendState.ACCEPTED), UNDER_WAY)
    queued = open_work.launches_with_queue()
    rows = session.execute(
        select(Launch, Organisation.trading_name, LaunchPace)
        .join(Organisation, Organisation.id == Launch.tenant_id)
        .outerjoin(LaunchPace, LaunchPace.launch_id == Launch.id)
        .where(
            or_(
                Launch.state.in_([LaunchState.RUNNING, LaunchState.PAUSED]),
                and_(Launch.state == LaunchState.COLLECTING, Launch.id.in_(queued)),
            )
        )
        .order_by(Launch.state.desc(), Launch.started_at, Launch.id)
        .limit(_MOST)
    )
    return [_sending(launch, company, pace, counts, now) for launch, company, pace in rows]


def _sending(
    launch: Launch,
    company: str,
    pace: LaunchPace | None,
    counts: dict[tuple[UUID, SendState], int],
    now: datetime,
) -> Sending:
    paused = launch.state is LaunchState.PAUSED
    held_back = pace is not None and not paused and operating.is_held_back(pace, now)
    return Sending(
        id=launch.id,
        code=launch.campaign_code,
        company=company,
        state=launch.state.value,
        cause=launch.paused_cause if paused else "",
        queued=counts.get((launch.id, SendState.QUEUED), 0),
        accepted=counts.get((launch.id, SendState.ACCEPTED), 0),
        released=pace.released if pace else 0,
        held_until=pace.held_until if pace and held_back else None,
        held_back=held_back,
        liftable=paused and launch.paused_cause in operating.CAUSES,
    )


def _by_launch(
    session: Session, wanted: tuple[SendState, ...], within: frozenset[LaunchState]
) -> dict[tuple[UUID, SendState], int]:
    rows = session.execute(
        select(Message.launch_id, Message.send_state, func.count())
        .join(Launch, Launch.id == Message.launch_id)
        .where(Message.send_state.in_(wanted), Launch.state.in_(within))
        .group_by(Message.launch_id, Message.send_state)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def doubts(session: Session) -> list[Doubt]:
    """By launch: the oldest doubt first, then those that will stay unknown."""
    rows = session.execute(
        select(
            Launch.id,
            Launch.campaign_code,
            Organisation.trading_name,
            func.sum(_one(SendState.IN_DOUBT)).label("in_doubt"),
            func.sum(_one(SendState.UNCONFIRMED)).label("unconfirmed"),
            func.min(Attempt.started_at).label("since"),
        )
        .select_from(Message)
        .join(Launch, Launch.id == Message.launch_id)
        .join(Organisation, Organisation.id == Launch.tenant_id)
        .outerjoin(
            Attempt,
            and_(
                Attempt.message_id == Message.id,
                Attempt.n == Message.attempt_n,
                Message.send_state == SendState.IN_DOUBT,
            ),
        )
        .where(Message.send_state.in_([SendState.IN_DOUBT, SendState.UNCONFIRMED]))
        .group_by(Launch.id, Launch.campaign_code, Organisation.trading_name)
        .order_by(func.sum(_one(SendState.IN_DOUBT)).desc(), Launch.campaign_code)
        .limit(_MOST)
    )
    return [Doubt(*row) for row in rows]


def _one(state: SendState) -> Any:
    return case((Message.send_state == state, 1), else_=0)


def dead_letters(session: Session) -> list[DeadLetters]:
    rows = session.execute(
        select(
            Launch.id,
            Launch.campaign_code,
            Organisation.trading_name,
            Message.reason,
            func.count(),
            Launch.state,
        )
        .select_from(Message)
        .join(Launch, Launch.id == Message.launch_id)
        .join(Organisation, Organisation.id == Launch.tenant_id)
        .where(Message.send_state == SendState.DEAD)
        .group_by(
            Launch.id, Launch.campaign_code, Organisation.trading_name, Message.reason, Launch.state
        )
        .order_by(func.count().desc(), Launch.campaign_code, Message.reason)
        .limit(_MOST)
    )
    return [DeadLetters(*row[:5], revivable=row[5] in UNDER_WAY) for row in rows]


def feeds(session: Session, now: datetime) -> list[FeedMark]:
    return [
        FeedMark(
            feed.name,
            feed.is_watched,
            feed.seen_through,
            feed.is_watched
            and (feed.seen_through is None or now - feed.seen_through > watermark.STALE_AFTER),
        )
        for feed in session.scalars(select(Feed).order_by(Feed.name))
    ]
