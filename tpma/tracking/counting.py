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
    bindparam,
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

from tpma.core.db import one_of, upsert, values
from tpma.core.prepared import Prepared
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

# As the primary key, without the shard. A launch's UUID goes as its number: hashing the former
# takes longer than all else that is done with it here.
Key = tuple[int, EventType, Verdict, str, int, str]
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
        self._sums[name][(launch_id.int, kind, Verdict.HUMAN, "", step, "")] += number

    def write(self, session: Session, shard: int) -> None:
        keys = {key for sums in self._sums.values() for key, number in sums.items() if number}
        if not keys:
            return
        rows = [
            {
                **dict(zip(_KEY, (UUID(int=key[0]), *key[1:]), strict=True)),
                "shard": shard,
                **{name: self._sums[name][key] for name in _SUMS},
            }
            for key in sorted(keys)
        ]
        _adding.run(session, rows)


@Prepared
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
    session: Session,
    books: Books,
    mails: Mapping[int, Mail],
    seen: Mapping[int, int],
    steps: Mapping[UUID, int],
) -> None:
    """Write what the readers of some mails did (`seen`, message → new bits) and book who is new.

    `steps` is the last step that mails of each launch have.
    """
    changed = {id_: bits for id_, bits in seen.items() if mails[id_].seen != bits}
    if not changed:
        return
    for id_, bits in changed.items():
        mail = mails[id_]
        for kind, step in _steps(mail.seen, bits):
            books.acted("messages", mail.launch_id, kind, mail.step, step)
    _book_people(session, books, mails, changed, steps)
    alike: dict[int, list[int]] = {}
    for id_, bits in sorted(changed.items()):
        alike.setdefault(bits, []).append(id_)
    _seen.run(session, [{"bits": b, "mails": values(session, ids)} for b, ids in alike.items()])


@Prepared
def _seen(session: Session) -> Any:
    mine = one_of(session, Message.id, "mails")
    return update(Message).where(mine).values(seen=bindparam("bits"))


def _book_people(
    session: Session,
    books: Books,
    mails: Mapping[int, Mail],
    changed: Mapping[int, int],
    steps: Mapping[UUID, int],
) -> None:
    """A recipient counts once however many of a launch's mails they acted on."""
    others = _others(session, mails, changed, steps)
    people: dict[tuple[int, bytes], tuple[UUID, int, int]] = {}  # launch, before, after
    for id_, bits in changed.items():
        mail = mails[id_]
        key = (mail.launch_id.int, mail.rcpt_key)
        bits_of_others = others.get(key, 0)
        _launch, before, after = people.get(key, (mail.launch_id, bits_of_others, bits_of_others))
        people[key] = mail.launch_id, before | mail.seen, after | bits
    for launch_id, before, after in people.values():
        for kind, step in _steps(before, after):
            books.acted("people", launch_id, kind, 0, step)


def _steps(before: int, after: int) -> Iterator[tuple[EventType, int]]:
    """What was done now and not before (1), and what proved not to be done (-1)."""
    for kind, bit in BITS.items():
        if (before ^ after) & bit:
            yield kind, 1 if after & bit else -1


def _others(
    session: Session,
    mails: Mapping[int, Mail],
    changed: Collection[int],
    steps: Mapping[UUID, int],
) -> dict[tuple[int, bytes], int]:
    """What the same recipients did with other mails of the launch; none where it has one step."""
    found: dict[tuple[int, bytes], int] = {}
    by_launch: dict[UUID, list[Mail]] = {}
    for id_ in changed:
        by_launch.setdefault(mails[id_].launch_id, []).append(mails[id_])
    for launch_id, some in by_launch.items():
        last = steps.get(launch_id, 0)
        if last < 2:
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
            key = (launch_id.int, rcpt_key)
            found[key] = found.get(key, 0) | seen
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
