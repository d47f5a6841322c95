"""Figures of a launch kept beside its events, so that no dashboard counts events.

Whoever adds an event or changes a verdict books the difference in the same transaction.
`findings` compares the books with the events (`tpma doctor`), `rebuild` makes them anew.
"""

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Select,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from tpma.core.db import per_dialect, upsert
from tpma.sending.models import Message
from tpma.tracking.judging import Mail
from tpma.tracking.models import EventType, TrackingCount, TrackingEvent, Verdict

# Bits of `messages.seen`: what a person did with the mail. Kinds without one are counted as hits.
BITS = {
    EventType.OPEN: 1,
    EventType.CLICK: 2,
    EventType.PAGE_VIEW: 4,
    EventType.FORM_SUBMIT: 8,
    EventType.UNSUBSCRIBE: 16,
    EventType.DOWNLOAD: 32,
}
_CLICK = BITS[EventType.CLICK]
LOADER = 0  # the shard of the loader
_SHARDS = 8  # of those who write single events: forms, unsubscribes, the mailbox

Key = tuple[UUID, EventType, Verdict, str, int, str]  # as the primary key, without the shard
_KEY = ("launch_id", "type", "verdict", "rule", "step", "link_key")
_SUMS = ("hits", "messages", "people")


class Books:
    """Differences of one transaction, written at its end in one order, so that two writers never
    wait for each other crosswise."""

    def __init__(self) -> None:
        self._sums: dict[str, Counter[Key]] = {name: Counter() for name in _SUMS}

    def hit(self, key: Key, number: int) -> None:
        self._sums["hits"][key] += number

    def acted(self, name: str, launch_id: UUID, kind: EventType, step: int, number: int) -> None:
        self._sums[name][(launch_id, kind, Verdict.HUMAN, "", step, "")] += number

    def write(self, session: Session, shard: int) -> None:
        keys = {key for sums in self._sums.values() for key, number in sums.items() if number}
        if not keys:
            return
        ordered = sorted(keys, key=lambda key: (key[0].bytes, *key[1:]))
        rows = [
            {
                **dict(zip(_KEY, key, strict=True)),
                "shard": shard,
                **{name: self._sums[name][key] for name in _SUMS},
            }
            for key in ordered
        ]
        session.connection().execute(_adding(session), rows)


@per_dialect
def _adding(session: Session) -> Any:
    statement = upsert(session, TrackingCount)
    added = {
        name: getattr(TrackingCount, name) + getattr(statement.excluded, name) for name in _SUMS
    }
    keyed = [getattr(TrackingCount, name) for name in (*_KEY, "shard")]
    return statement.on_conflict_do_update(index_elements=keyed, set_=added)


def own_shard() -> int:
    """One for each thread, as far as they go."""
    return 1 + threading.get_native_id() % _SHARDS


def book_acts(
    session: Session, books: Books, mails: Mapping[int, Mail], seen: Mapping[int, int]
) -> None:
    """Write what the readers of some mails did (`seen`, message → new bits) and book who is new."""
    changed = {id_: bits for id_, bits in seen.items() if mails[id_].seen != bits}
    if not changed:
        return
    for id_, bits in changed.items():
        mail = mails[id_]
        for kind, bit in BITS.items():
            step = bool(bits & bit) - bool(mail.seen & bit)
            if step:
                books.acted("messages", mail.launch_id, kind, mail.step, step)
    _book_people(session, books, mails, changed)
    session.execute(
        update(Message), [{"id": id_, "seen": bits} for id_, bits in sorted(changed.items())]
    )


def _book_people(
    session: Session, books: Books, mails: Mapping[int, Mail], changed: Mapping[int, int]
) -> None:
    """A recipient counts once however many of a launch's mails they acted on."""
    others = _others(session, mails, changed)
    before: dict[tuple[UUID, bytes], int] = dict(others)
    after: dict[tuple[UUID, bytes], int] = dict(others)
    for id_, bits in changed.items():
        person = (mails[id_].launch_id, mails[id_].rcpt_key)
        before[person] = before.get(person, 0) | mails[id_].seen
        after[person] = after.get(person, 0) | bits
    for person, bits in after.items():
        for kind, bit in BITS.items():
            step = bool(bits & bit) - bool(before[person] & bit)
            if step:
                books.acted("people", person[0], kind, 0, step)


def _others(
    session: Session, mails: Mapping[int, Mail], changed: Collection[int]
) -> dict[tuple[UUID, bytes], int]:
    """What the same recipients did with other mails of the launch; none where it has one step."""
    found: dict[tuple[UUID, bytes], int] = {}
    by_launch: dict[UUID, list[Mail]] = {}
    for id_ in changed:
        by_launch.setdefault(mails[id_].launch_id, []).append(mails[id_])
    for launch_id, some in by_launch.items():
        last = session.scalar(select(func.max(Message.step)).where(Message.launch_id == launch_id))
        if not last or last < 2:
            continue
        rows = session.execute(
            select(Message.rcpt_key, Message.seen).where(
                Message.launch_id == launch_id,
                Message.step.in_(range(1, last + 1)),  # so that the unique index serves
                Message.rcpt_key.in_({mail.rcpt_key for mail in some}),
                Message.id.not_in([mail.id for mail in some]),
                Message.seen != 0,
            )
        )
        for rcpt_key, seen in rows:
            person = (launch_id, rcpt_key)
            found[person] = found.get(person, 0) | seen
    return found


def bits_of(session: Session, ids: Collection[int]) -> dict[int, int]:
    """What the events of these mails say their readers did."""
    found = dict.fromkeys(ids, 0)
    rows = session.execute(
        select(TrackingEvent.message_id, TrackingEvent.type)
        .where(TrackingEvent.message_id.in_(ids), TrackingEvent.verdict == Verdict.HUMAN)
        .distinct()
    )
    for message_id, kind in rows:
        if message_id is not None:
            found[message_id] |= BITS.get(kind, 0)
    return found


def _of_hits(launches: Collection[UUID] | None) -> Select[Any]:
    step = func.coalesce(Message.step, 0)
    event = TrackingEvent
    keys = (event.launch_id, event.type, event.verdict, event.rule, step, event.link_key)
    query = (
        select(*(key.label(name) for key, name in zip(keys, _KEY, strict=True)))
        .add_columns(
            func.count().label("hits"), literal(0).label("messages"), literal(0).label("people")
        )
        .outerjoin(Message, Message.id == event.message_id)
        .group_by(*keys)
    )
    return query if launches is None else query.where(event.launch_id.in_(launches))


def _of_acts(launches: Collection[UUID] | None) -> Iterator[Any]:
    """Mails a step and people a launch, by what they did."""
    for kind, bit in BITS.items():
        did = Message.seen.bitwise_and(bit) != 0
        mine = did if launches is None else and_(did, Message.launch_id.in_(launches))
        key = (
            literal(kind, TrackingCount.type.type),
            literal(Verdict.HUMAN, TrackingCount.verdict.type),
            literal(""),
        )
        mails, people = func.count(), func.count(Message.rcpt_key.distinct())
        launch, none, zero = Message.launch_id, literal(""), literal(0)
        yield (
            select(launch, *key, Message.step, none, zero, mails, zero)
            .where(mine, Message.seen != 0)
            .group_by(Message.launch_id, Message.step)
        )
        yield (
            select(launch, *key, zero, none, zero, zero, people)
            .where(mine, Message.seen != 0)
            .group_by(Message.launch_id)
        )


def _true_counts(launches: Collection[UUID] | None) -> Select[Any]:
    """What the table should hold, one row a key."""
    parts = union_all(_of_hits(launches), *_of_acts(launches)).subquery()
    keys = [parts.c[name] for name in _KEY]
    return select(*keys, *(func.sum(parts.c[name]).label(name) for name in _SUMS)).group_by(*keys)


def rebuild(session: Session, launches: Collection[UUID] | None = None) -> int:
    """Make the figures of these launches (all, without any named) anew; how many rows they take."""
    every = launches is None
    _resee(session, launches)
    old = delete(TrackingCount)
    session.execute(old if every else old.where(TrackingCount.launch_id.in_(launches or ())))
    true = _true_counts(launches).subquery()
    columns = [*(true.c[name] for name in _KEY), literal(LOADER), *(true.c[n] for n in _SUMS)]
    session.execute(insert(TrackingCount).from_select([*_KEY, "shard", *_SUMS], select(*columns)))
    made = select(func.count()).select_from(TrackingCount)
    if not every:
        made = made.where(TrackingCount.launch_id.in_(launches or ()))
    return session.scalar(made) or 0


def _resee(session: Session, launches: Collection[UUID] | None) -> None:
    """`messages.seen` and `clicked_at` as the events have it."""
    event = TrackingEvent
    mine = (event.message_id == Message.id, event.verdict == Verdict.HUMAN)
    bits = case(*((event.type == kind, bit) for kind, bit in BITS.items()), else_=0)
    seen = select(func.coalesce(func.sum(bits.distinct()), 0)).where(*mine).scalar_subquery()
    clicked = select(func.min(event.occurred_at)).where(*mine, event.type == EventType.CLICK)
    some = select(event.message_id).where(event.message_id.is_not(None))
    if launches is not None:
        some = some.where(event.launch_id.in_(launches))
    session.execute(
        update(Message)
        .where(or_(Message.id.in_(some), Message.seen != 0))
        .where(true() if launches is None else Message.launch_id.in_(launches))
        .values(seen=seen, clicked_at=clicked.scalar_subquery())
        .execution_options(synchronize_session=False)
    )


def findings(session: Session) -> Iterator[tuple[bool, str]]:
    """Do the figures agree with the events? For `tpma doctor`."""
    kept = select(TrackingCount).subquery()
    have = select(*(kept.c[n] for n in _KEY), *((-kept.c[n]).label(n) for n in _SUMS))
    parts = union_all(_true_counts(None), have).subquery()
    sums = [func.sum(parts.c[name]) for name in _SUMS]
    wrong = (
        select(parts.c.launch_id)
        .group_by(*(parts.c[name] for name in _KEY))
        .having(or_(*(total != 0 for total in sums)))
    )
    number = len(set(session.scalars(wrong)))
    unlike = session.scalar(
        select(func.count())
        .select_from(Message)
        .where(Message.clicked_at.is_not(None) != (Message.seen.bitwise_and(_CLICK) != 0))
    )
    cure = "" if not (number or unlike) else " (tpma tracking rebuild)"
    yield not number, f"launches whose figures differ from their events: {number}{cure}"
    yield not unlike, f"mails whose click and whose marks differ: {unlike}{cure}"


# What dashboards ask


@dataclass(frozen=True, slots=True)
class Acts:
    """What a launch's readers did of one kind: mails and people (each once), their hits, and the
    raw hits with those of machines."""

    mails: int = 0
    people: int = 0
    hits: int = 0
    raw: int = 0
    unnamed: int = 0  # of the hits, those on links and pages that name no mail


def acts(
    session: Session, launches: Any, kinds: Collection[EventType] = tuple(BITS)
) -> dict[tuple[UUID, EventType], Acts]:
    """By launch and kind, in one statement; `launches` is a subquery or ids."""
    count = TrackingCount
    human = case((count.verdict == Verdict.HUMAN, count.hits), else_=0)
    unnamed = case((count.step == 0, human), else_=0)
    sums = (count.messages, count.people, human, count.hits, unnamed)
    rows = session.execute(
        select(count.launch_id, count.type, *(func.sum(one) for one in sums))
        .where(count.launch_id.in_(launches), count.type.in_(kinds))
        .group_by(count.launch_id, count.type)
    )
    return {(launch_id, kind): Acts(*map(int, found)) for launch_id, kind, *found in rows}
