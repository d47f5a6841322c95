"""A step's planned rows put into the chunks that workers lease (T2, T3), set by set.

All rows of a chunk have one mailbox provider and one time zone, so that a brake or a closed
window is a matter of chunks and no row is looked at one by one. Who may be written to first goes
first in every group, and a launch's first hundred are a fair sample of all groups.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.launches import service as launches
from tpma.launches import steps
from tpma.launches.models import Launch
from tpma.localization.zones import zone_of
from tpma.sending import lanes, limits, mailboxes, planning, windows
from tpma.sending.models import Message, SendChunk, SendRate, SendState
from tpma.sending.rules import canary as canary_size
from tpma.sending.turns import window_of

CHUNK = 500
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Group:
    """Readers of one zone ("" where no clock is asked) and one mailbox provider."""

    zone: str
    mailbox: int
    readers: int
    not_before: datetime


def queue(
    session: Session,
    launch: Launch,
    step: int,
    now: datetime,
    *,
    canary: bool = False,
    only: ColumnElement[bool] | None = None,
) -> int:
    """Queue a step's planned rows; how many chunks were made.

    Safe to repeat: rows planned since the last time go into chunks of their own. With `canary`
    the first hundred of the launch go alone and their events are waited for; `only` narrows to
    some of the rows.
    """
    planning.drop_unmailable(session, launch, step, SendState.PLANNED, now.date())
    if step <= launch.steps:  # the others follow a reader's deed, each at its own moment
        launch.steps_queued = max(launch.steps_queued, step)
    rows = _planned(launch, step, only)
    zones = _zones(session, launch, rows)
    groups = _groups(session, launch, step, rows, zones, now)
    late = [group for group in groups if group.not_before >= launch.ends_at]
    if late:
        _expire(session, launch, rows, zones, late)
        groups = [group for group in groups if group not in late]
    readers = sum(group.readers for group in groups)
    if not readers:
        return 0
    first = canary_size(readers) if canary else 0
    lanes.pace_of(session, launch.id, first)
    _spread(session, launch, readers, now)
    return _fill(session, launch, step, rows, zones, groups, first / readers)


def wall_of(launch: Launch, step: int) -> datetime | None:
    """The naive hour of a step on every reader's clock; None where no clock was chosen."""
    if not launch.reader_time or launch.chosen_start is None or step > launch.steps:
        return None
    chosen = launches.local(launch.chosen_start, launch.timezone).replace(tzinfo=None)
    return chosen + (steps.of(launch)[step - 1].delay if step > 1 else timedelta())


def zones_of(session: Session, launch: Launch) -> list[str]:
    """The zones the launch's first mail was queued for."""
    found = session.scalars(
        select(SendChunk.zone)
        .where(SendChunk.launch_id == launch.id, SendChunk.step == 1, SendChunk.zone != "")
        .distinct()
    )
    return sorted(found)


def _planned(launch: Launch, step: int, only: ColumnElement[bool] | None) -> ColumnElement[bool]:
    return and_(
        Message.launch_id == launch.id,
        Message.step == step,
        Message.send_state == SendState.PLANNED,
        true() if only is None else only,
    )


def _zones(session: Session, launch: Launch, rows: ColumnElement[bool]) -> dict[str, str]:
    """Country → the zone whose clock its readers are written to by; empty for none."""
    if not launch.reader_time:
        return {}
    countries = session.scalars(
        select(Contact.country)
        .join(Message, Message.contact_id == Contact.id)
        .where(rows)
        .distinct()
    )
    return {country: zone_of(country, launch.timezone) for country in countries}


def _zone(launch: Launch, zones: Mapping[str, str]) -> ColumnElement[str]:
    if not launch.reader_time:
        return literal("" if window_of(launch).is_always_open else launch.timezone)
    if not zones:
        return literal(launch.timezone)
    return case(dict(zones), value=Contact.country, else_=launch.timezone)


def _groups(
    session: Session,
    launch: Launch,
    step: int,
    planned: ColumnElement[bool],
    zones: Mapping[str, str],
    now: datetime,
) -> list[Group]:
    """The earliest first."""
    zone, mailbox = _zone(launch, zones), mailboxes.of_contact(session)
    rows = (
        select(zone.label("zone"), mailbox.label("mailbox"))
        .join_from(Message, Contact, Contact.id == Message.contact_id)
        .where(planned)
        .subquery()
    )
    counted = session.execute(
        select(rows.c.zone, rows.c.mailbox, func.count()).group_by(rows.c.zone, rows.c.mailbox)
    )
    wall, window = wall_of(launch, step), window_of(launch)
    found = [
        Group(row[0], row[1], row[2],
              windows.not_before(wall, now, row[0], window) if row[0] else now)
        for row in counted
    ]  # fmt: skip
    return sorted(found, key=lambda group: (group.not_before, group.zone, group.mailbox))


def _spread(session: Session, launch: Launch, readers: int, now: datetime) -> None:
    """So many hours for a step: the launch's own rate, below which a guard may go."""
    if not launch.spread_hours:
        return
    rate = readers / (launch.spread_hours * _HOUR)
    scope = limits.launch_scope(launch.id)
    known = session.get(SendRate, scope)
    if known is not None and known.cause and known.per_second:
        rate = min(rate, known.per_second)
    limits.set_rate(session, scope, rate, now)


@dataclass(frozen=True, slots=True)
class _Part:
    """Which numbers the chunks of a group have; the first of them may hold its first few alone."""

    group: Group
    base: int
    head: int  # readers of the first hundred; 0 where nobody goes first

    @property
    def chunks(self) -> int:
        rest = self.group.readers - self.head
        return -(-rest // CHUNK) + (1 if self.head else 0)

    def number(self, rank: ColumnElement[int]) -> ColumnElement[int]:
        """The chunk of the reader with this rank in the group, counted from 1."""
        after = self.base + (1 if self.head else 0)
        rest = literal(after, Integer) + (rank - 1 - self.head) // CHUNK
        return case((rank <= self.head, self.base), else_=rest)


def _parts(groups: list[Group], base: int, share: float) -> Iterator[_Part]:
    for group in groups:
        part = _Part(group, base, min(-int(-group.readers * share // 1), group.readers))
        yield part
        base += part.chunks


def _fill(
    session: Session,
    launch: Launch,
    step: int,
    rows: ColumnElement[bool],
    zones: Mapping[str, str],
    groups: list[Group],
    share: float,
) -> int:
    parts = list(_parts(groups, _next_number(session, launch, step), share))
    _make_chunks(session, launch, step, parts)
    ranked = _ranked(session, launch, rows, zones)
    mine = [(and_(ranked.c.zone == part.group.zone, ranked.c.mailbox == part.group.mailbox),
             part.number(ranked.c.rank)) for part in parts]  # fmt: skip
    chunk = (
        select(SendChunk.id)
        .where(SendChunk.launch_id == launch.id, SendChunk.step == step)
        .where(SendChunk.number == cast(case(*mine), Integer))
        .correlate(ranked)
        .scalar_subquery()
    )
    session.execute(
        update(Message)
        .where(Message.id == ranked.c.id)
        .values(send_state=SendState.QUEUED, chunk_id=chunk)
        .execution_options(synchronize_session=False)
    )
    return sum(part.chunks for part in parts)


def _make_chunks(session: Session, launch: Launch, step: int, parts: list[_Part]) -> None:
    """In the order they are served: the first of every group, the second of every group, …"""
    lane_id = lanes.of_tenant(session, launch.tenant_id)
    places = sorted((place, at) for at, part in enumerate(parts) for place in range(part.chunks))
    session.add_all(
        SendChunk(
            lane_id=lane_id,
            launch_id=launch.id,
            step=step,
            number=parts[at].base + place,
            not_before=parts[at].group.not_before,
            mailbox=parts[at].group.mailbox,
            zone=parts[at].group.zone,
        )
        for place, at in places
    )
    session.flush()


def _ranked(
    session: Session, launch: Launch, planned: ColumnElement[bool], zones: Mapping[str, str]
) -> Subquery:
    """The planned rows with their group and their rank in it, who was planned first first."""
    zone, mailbox = _zone(launch, zones), mailboxes.of_contact(session)
    # Without its type, "//" would be a division of floats, which no index knows.
    number = func.row_number(type_=Integer)
    rank = number.over(partition_by=[zone, mailbox], order_by=Message.seq)
    return (
        select(
            Message.id.label("id"), zone.label("zone"), mailbox.label("mailbox"),
            rank.label("rank"),
        )
        .join_from(Message, Contact, Contact.id == Message.contact_id)
        .where(planned)
        .subquery()
    )  # fmt: skip


def _expire(
    session: Session,
    launch: Launch,
    planned: ColumnElement[bool],
    zones: Mapping[str, str],
    late: list[Group],
) -> None:
    """T19: their hour comes when the launch is over; they get nothing, and nothing at night."""
    rows = _ranked(session, launch, planned, zones)
    which = tuple_(rows.c.zone, rows.c.mailbox).in_([(g.zone, g.mailbox) for g in late])
    session.execute(
        update(Message)
        .where(Message.id.in_(select(rows.c.id).where(which)))
        .values(send_state=SendState.EXPIRED, not_before=None)
        .execution_options(synchronize_session=False)
    )


def _next_number(session: Session, launch: Launch, step: int) -> int:
    last: Any = session.scalar(
        select(func.max(SendChunk.number)).where(
            SendChunk.launch_id == launch.id, SendChunk.step == step
        )
    )
    return 0 if last is None else last + 1
