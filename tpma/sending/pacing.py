"""How a launch will be let out: its start in the east, and when its last mail will have left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.sending import forecast, limits, planning, rates, warmup, windows
from tpma.sending.envelopes import reputation_of
from tpma.sending.facts import WarmupFacts
from tpma.sending.forecast import Pace
from tpma.sending.models import (
    LaunchPace,
    Message,
    ProviderAccount,
    SendChunk,
    SendRate,
    SendState,
)
from tpma.sending.turns import window_of
from tpma.sending.warmup import Standing
from tpma.sending.windows import Window
from tpma.system import System

_WAITING = (SendState.PLANNED, SendState.QUEUED)


@dataclass(frozen=True, slots=True)
class Choice:
    """How a launch is to be let out: as it stands on it, or as somebody is just typing it."""

    start: datetime | None  # None: as soon as it is launched
    zone: str
    reader_time: bool
    window: Window
    spread_hours: int
    ends: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """`first` and `last` are when the first and the last readers may have their mail; `finishes`
    when the last one will have left, None if that is after the launch's last day."""

    first: datetime
    last: datetime
    finishes: datetime | None
    zones: int  # clocks that are asked
    cap: int | None = None  # the domain's today, None without a warm-up
    left: int | None = None
    capacity: int | None = None  # of the warm-up until the launch ends
    stopped: str = ""

    @property
    def takes_long(self) -> bool:
        """Not all of it leaves as soon as it may."""
        return self.finishes is None or (self.finishes - self.first).total_seconds() > 600


def choice_of(launch: Launch) -> Choice:
    return Choice(
        launch.chosen_start or launch.start_at,
        launch.timezone,
        launch.reader_time,
        window_of(launch),
        launch.spread_hours,
        launch.ends_at,
    )


def begin_in_the_east(session: Session, launch: Launch) -> None:
    """Where readers' own clocks count, a launch starts when the chosen hour comes to the first
    of them. A start that has passed is left for `schedule` to refuse."""
    now = clock_of(session)()
    if not launch.reader_time or launch.start_at is None or launch.start_at < now:
        return
    launch.chosen_start = launch.start_at
    wall = launches.local(launch.start_at, launch.timezone).replace(tzinfo=None)
    zones = windows.by_zone(planning.reader_countries(session, launch), launch.timezone)
    launch.start_at = max(windows.first_start(wall, zones, launch.timezone), now)


def _wall(choice: Choice) -> datetime | None:
    """The hour on every reader's clock, if one was chosen."""
    if not choice.reader_time or choice.start is None:
        return None
    return launches.local(choice.start, choice.zone).replace(tzinfo=None)


def arrivals(choice: Choice, by_country: Mapping[str, int], now: datetime) -> dict[str, datetime]:
    """Zone → from when on its readers may have the mail."""
    wall = _wall(choice)
    begins = max(choice.start or now, now) if wall is None else now
    zones = windows.by_zone(by_country, choice.zone) if choice.reader_time else {}
    return {
        zone: windows.not_before(wall, begins, zone, choice.window)
        for zone in zones or {choice.zone: 0}
    }


def outlook(
    session: Session, system: System, launch: Launch, choice: Choice, readers: int
) -> Outlook:
    """What a draft would come to if it was launched now."""
    now = system.clock()
    moments = arrivals(choice, planning.reader_countries(session, launch), now)
    return _outlook(session, system, launch, choice, readers, moments)


def under_way(session: Session, system: System, launch: Launch) -> Outlook | None:
    """When the mails of a launch that wait now will have left; None if none waits."""
    mails = session.scalar(
        select(func.count()).where(Message.launch_id == launch.id, Message.send_state.in_(_WAITING))
    )
    if not mails:
        return None
    chunks = session.execute(
        select(SendChunk.zone, func.max(SendChunk.not_before))
        .where(SendChunk.launch_id == launch.id, SendChunk.finished_at.is_(None))
        .group_by(SendChunk.zone)
    )
    start = max(launch.start_at or system.clock(), system.clock())
    moments = {zone: max(moment, start) for zone, moment in chunks} or {"": start}
    return _outlook(session, system, launch, choice_of(launch), mails, moments)


def _outlook(
    session: Session,
    system: System,
    launch: Launch,
    choice: Choice,
    readers: int,
    moments: Mapping[str, datetime],
) -> Outlook:
    now = system.clock()
    first, last = min(moments.values()), max(moments.values())
    standing = standing_of(session, system, launch)
    pace = _pace(session, system, launch, choice, readers, standing)
    told = forecast.look_ahead(readers, first, choice.ends, pace, now)
    finishes = max(told.finishes, last) if told.finishes and last < choice.ends else None
    return Outlook(
        first,
        last,
        finishes,
        zones=len(moments),
        cap=standing.cap if standing else None,
        left=standing.left if standing else None,
        capacity=told.capacity,
        stopped=standing.stopped if standing else "",
    )


def standing_of(session: Session, system: System, launch: Launch) -> Standing | None:
    """The warm-up of the launch's domain; None where nothing has to be warmed."""
    domain = reputation_of(session, system, launch.id)
    return warmup.standing(session, domain, system.clock()) if domain else None


def is_short(session: Session, system: System, launch: Launch, readers: int) -> bool:
    """The warm-up lets out fewer today than there are readers: who goes first matters."""
    found = standing_of(session, system, launch)
    return found is not None and found.left is not None and found.left < readers


def warm_up(session: Session, system: System, launch: Launch, readers: int) -> WarmupFacts | None:
    """For the gate (VOL-01)."""
    if not reputation_of(session, system, launch.id):
        return None
    found = outlook(session, system, launch, choice_of(launch), readers)
    if found.capacity is None:
        return None
    day = found.finishes.date() if found.finishes else None
    return WarmupFacts(capacity=found.capacity, finishes_on=day)


def _pace(
    session: Session,
    system: System,
    launch: Launch,
    choice: Choice,
    readers: int,
    standing: Standing | None,
) -> Pace:
    account = session.get(SendRate, limits.account_scope(system.mail.name))
    own = session.get(SendRate, limits.launch_scope(launch.id))
    spread = readers / (choice.spread_hours * 3600) if choice.spread_hours else None
    per_second = [
        rate for rate in (account and account.per_second, own.per_second if own else spread) if rate
    ]
    told = session.get(ProviderAccount, system.mail.name)
    quota = rates.daily_room(told.max_24h, 0, 0) if told else None
    fixed = standing is not None and standing.own
    return Pace(
        left_today=standing.left if standing else None,
        step=standing.step if standing else 0,
        fixed_cap=standing.cap if standing and fixed else None,
        per_second=min(per_second, default=None),
        quota=quota,
        window=choice.window,
        zone=choice.zone,
        ahead=_ahead(session, standing.domain, launch.id) if standing else 0,
    )


def _ahead(session: Session, domain: str, launch_id: UUID) -> int:
    """Mails of other launches that wait for the same domain's day."""
    others = select(LaunchPace.launch_id).where(
        LaunchPace.domain == domain, LaunchPace.launch_id != launch_id
    )
    return (
        session.scalar(
            select(func.count())
            .join_from(SendChunk, Message, Message.chunk_id == SendChunk.id)
            .where(SendChunk.launch_id.in_(others), SendChunk.finished_at.is_(None))
            .where(Message.send_state == SendState.QUEUED)
        )
        or 0
    )
