"""Writing down what happened on our links, and taking back what a burst showed to be a machine."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.bulk import insert_rows
from tpma.core.db import clock_of, one_of, values
from tpma.core.log import logger
from tpma.core.prepared import Prepared
from tpma.launches.models import Launch
from tpma.sending import following
from tpma.sending.models import Message
from tpma.tracking import counting, judging, networks, rules
from tpma.tracking.counting import Books
from tpma.tracking.hits import Hit
from tpma.tracking.judging import Mail
from tpma.tracking.models import EventType, TrackingEvent, Verdict
from tpma.tracking.rules import Event, Ruling, Visit, agent_family, ip_prefix

_log = logger("tracking")
_Launches = Mapping[UUID, "_Place"]
_INSERT = insert(TrackingEvent).returning(TrackingEvent.id)


def record(
    session: Session,
    kind: EventType,
    launch: Launch,
    visit: Visit,
    *,
    message: Message | None = None,
    link_key: str = "",
    contact_id: UUID | None = None,
    ruling: Ruling | None = None,
    dedupe_key: str | None = None,
) -> TrackingEvent | None:
    """Append one event of this launch; None if `dedupe_key` is known already.

    `ruling` is given where the caller knows better than the request shows (a form's spam signs),
    `contact_id` where the person is not the one the mail went to.
    """
    if dedupe_key is not None and _is_known(session, dedupe_key):
        return None
    session.flush()
    hit = Hit(kind, visit, launch.id, message.id if message else None, link_key)
    own = {"contact_id": contact_id} if contact_id else {}
    own_columns = [{**own, "dedupe_key": dedupe_key}]
    [event] = write(session, [hit], counting.own_shard(), ruling=ruling, own=own_columns)
    if message is not None:
        session.refresh(message, ["clicked_at", "seen"])
    return session.get_one(TrackingEvent, event.id)


def _is_known(session: Session, dedupe_key: str) -> bool:
    found = select(TrackingEvent.id).where(TrackingEvent.dedupe_key == dedupe_key)
    return session.scalar(found) is not None


def write(
    session: Session,
    hits: Sequence[Hit],
    shard: int,
    *,
    ruling: Ruling | None = None,
    own: Sequence[Mapping[str, Any]] = (),
    mails: Mapping[int, Mail] | None = None,
) -> list[Event]:
    """Store hits with their verdicts, mark their mails, and book them, in the caller's transaction.

    Hits of a launch or a mail that is gone are left out. `own` are further columns, for each
    hit its own; `mails` are those of the hits where the caller has them, read and locked.
    """
    launches = _launches(session, {hit.launch_id for hit in hits})
    ids = {hit.message_id for hit in hits if hit.message_id}
    mails = {**mails} if mails is not None else judging.mails(session, ids) if ids else {}
    kept = [
        (hit, columns)
        for hit, columns in zip(hits, own or [{}] * len(hits), strict=True)
        if _is_ours(hit, launches, mails)
    ]
    if len(kept) < len(hits):
        _log.info("hits of nobody left out", number=len(hits) - len(kept))
    events = [_event(hit) for hit, _columns in kept]
    others = judging.siblings(session, events, mails) if ruling is None else set()
    mails |= judging.mails(session, others) if others else {}
    scene = _scene(session, mails, events, ruling)
    for event in events:
        judged = ruling or scene.ruling(event)
        event.verdict, event.rule = judged.verdict, judged.rule
    stored = [event for event in scene.events if event.id and event.is_human]
    books = Books()
    _insert(session, events, [columns for _hit, columns in kept], launches, mails)
    for event in events:
        books.hit(_key(event, mails), 1)
    changed = _rejudge(session, scene, stored, books)
    _mark(session, books, scene, events, changed, launches)
    _come_back(session, scene, events)
    _after(session, events, changed)
    books.write(session, shard)
    return events


def _after(session: Session, events: Sequence[Event], changed: Sequence[Event]) -> None:
    """What else follows from new events, in the transaction that wrote them; the one place for it.

    Mails that wait for a click: a person's lets them go, one that proved to be a machine's is
    taken back.
    """
    doubtful = {e.message_id for e in changed if e.message_id and e.kind is EventType.CLICK}
    if doubtful:
        session.flush()
        following.took_back(session, _links_of_people(session, doubtful))
    following.clicked(
        session,
        [
            following.Click(event.launch_id, event.message_id, event.link_key, event.at)
            for event in events
            if event.launch_id
            and event.message_id
            and event.is_human
            and event.kind is EventType.CLICK
        ],
    )


def _links_of_people(session: Session, ids: Collection[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {id_: set() for id_ in ids}
    rows = session.execute(
        select(TrackingEvent.message_id, TrackingEvent.link_key).where(
            TrackingEvent.message_id.in_(ids),
            TrackingEvent.type == EventType.CLICK,
            TrackingEvent.verdict == Verdict.HUMAN,
        )
    )
    for message_id, link_key in rows:
        if message_id is not None:
            found[message_id].add(link_key)
    return found


class _Place(NamedTuple):
    """A launch as far as its events need it; `steps` is the last that mails of it have."""

    id: UUID
    tenant_id: UUID
    campaign_code: str
    steps: int | None


def _launches(session: Session, ids: Collection[UUID]) -> _Launches:
    found = _launches_asked.rows(session, launches=values(session, [*ids]))
    return {row[0]: _Place(*row) for row in found}


@Prepared
def _launches_asked(session: Session) -> Any:
    last = select(func.max(Message.step)).where(Message.launch_id == Launch.id).scalar_subquery()
    return select(Launch.id, Launch.tenant_id, Launch.campaign_code, last).where(
        one_of(session, Launch.id, "launches")
    )


def _is_ours(hit: Hit, launches: _Launches, mails: Mapping[int, Mail]) -> bool:
    if hit.launch_id not in launches:
        return False
    if hit.message_id is None:
        return True
    mail = mails.get(hit.message_id)
    return mail is not None and mail.launch_id == hit.launch_id


def _event(hit: Hit) -> Event:
    visit = hit.visit
    hidden = rules.is_picture_proxy(visit.agent)
    return Event(
        hit.kind,
        visit.at,
        hit.message_id,
        hit.link_key,
        network="" if hidden else ip_prefix(visit.address),
        family=agent_family(visit.agent),
        signs=rules.signs_of(visit, networks.is_listed),
        launch_id=hit.launch_id,
    )


def _scene(
    session: Session, mails: Mapping[int, Mail], events: Sequence[Event], ruling: Ruling | None
) -> judging.Scene:
    now = clock_of(session)()
    if ruling is not None or not mails:
        return judging.Scene(mails, now, list(events))
    return judging.scene(session, mails, events, now)


def _insert(
    session: Session,
    events: Sequence[Event],
    own: Sequence[Mapping[str, Any]],
    launches: _Launches,
    mails: Mapping[int, Mail],
) -> None:
    """One statement for all, by the database's shortest way; a single event learns its id."""
    if not events:
        return
    rows = []
    for event, columns in zip(events, own, strict=True):
        assert event.launch_id is not None
        launch = launches[event.launch_id]
        mail = mails.get(event.message_id or 0)
        row = {
            "tenant_id": launch.tenant_id,
            "launch_id": launch.id,
            "campaign_code": launch.campaign_code,
            "type": event.kind,
            "message_id": event.message_id,
            "contact_id": mail.contact_id if mail else None,
            "link_key": event.link_key,
            "occurred_at": event.at,
            "ip_prefix": event.network,
            "ua_family": event.family,
            "verdict": event.verdict,
            "rule": event.rule,
            "edition": rules.EDITION,
            "signs": event.signs,
        }
        rows.append({**row, "dedupe_key": None, **columns})
    if len(rows) > 1:
        insert_rows(session, TrackingEvent, rows)
    else:
        made = session.connection().execute(_INSERT, rows[0])
        [events[0].id] = made.scalars()


def _key(event: Event, mails: Mapping[int, Mail]) -> counting.Key:
    assert event.launch_id is not None
    mail = mails.get(event.message_id or 0)
    step = mail.step if mail else 0
    return (event.launch_id.int, event.kind, event.verdict, event.rule, step, event.link_key)


def _rejudge(
    session: Session, scene: judging.Scene, events: Sequence[Event], books: Books
) -> list[Event]:
    """Give stored events the verdict they have now; those that were given another one."""
    changed = []
    for event in events:
        judged = scene.ruling(event)
        if (judged.verdict, judged.rule) == (event.verdict, event.rule):
            continue
        books.hit(_key(event, scene.mails), -1)
        event.verdict, event.rule = judged.verdict, judged.rule
        books.hit(_key(event, scene.mails), 1)
        changed.append(event)
    if changed:
        session.execute(
            update(TrackingEvent),
            [
                {"id": e.id, "verdict": e.verdict, "rule": e.rule, "edition": rules.EDITION}
                for e in sorted(changed, key=lambda event: event.id)
            ],
        )
    return changed


def _mark(
    session: Session,
    books: Books,
    scene: judging.Scene,
    events: Sequence[Event],
    changed: Sequence[Event],
    launches: _Launches,
) -> None:
    """Keep `seen` and `clicked_at` of the mails what their people's events say."""
    mails = scene.mails
    doubtful = {e.message_id for e in changed if e.message_id}
    seen = counting.bits_of(session, doubtful) if doubtful else {}
    clicked: dict[int, datetime | None] = _first_clicks(session, doubtful) if doubtful else {}
    for event in events:
        id_ = event.message_id
        if id_ is None or not event.is_human or id_ in doubtful:
            continue
        seen[id_] = seen.get(id_, mails[id_].seen) | counting.BITS.get(event.kind, 0)
        if event.kind is EventType.CLICK:
            first = clicked.get(id_, mails[id_].clicked_at)
            clicked[id_] = min(first, event.at) if first else event.at
    unknown = {mails[id_].launch_id for id_ in seen} - launches.keys()
    known = {**launches, **_launches(session, unknown)} if unknown else launches
    steps = {place.id: place.steps or 0 for place in known.values()}
    counting.book_acts(session, books, mails, seen, steps)
    moved = [(i, at) for i, at in sorted(clicked.items()) if at != mails[i].clicked_at]
    _clicked_at.run(session, [{"mail": i, "at": at} for i, at in moved])


@Prepared
def _clicked_at(_session: Session) -> Any:
    mine = Message.id == bindparam("mail")
    return update(Message).where(mine).values(clicked_at=bindparam("at"))


def _first_clicks(session: Session, ids: Collection[int]) -> dict[int, datetime | None]:
    found: dict[int, datetime | None] = dict.fromkeys(ids)
    rows = session.execute(
        select(TrackingEvent.message_id, func.min(TrackingEvent.occurred_at))
        .where(TrackingEvent.message_id.in_(ids), TrackingEvent.type == EventType.CLICK)
        .where(TrackingEvent.verdict == Verdict.HUMAN)
        .group_by(TrackingEvent.message_id)
    )
    return found | {message_id: first for message_id, first in rows if message_id is not None}


def _come_back(session: Session, scene: judging.Scene, events: Sequence[Event]) -> None:
    """Where half a minute will tell more (BOT-08), look again after it."""
    waiting = sorted({e.message_id or 0 for e in events if scene.is_pending(e)})
    if waiting:
        when = scene.now + rules.STYLE_SPAN + rules.STYLE_SPAN / 30
        jobs.enqueue(session, "tracking.settle", when, message_ids=waiting)


def rejudge(session: Session, message_ids: Collection[int]) -> int:
    """Work the verdicts of all events of these mails out anew; how many became others."""
    mails = judging.mails(session, message_ids)
    scene = judging.scene(session, mails, (), clock_of(session)(), all_time=True)
    books = Books()
    changed = _rejudge(session, scene, scene.events, books)
    session.execute(
        update(TrackingEvent)
        .where(TrackingEvent.message_id.in_(mails), TrackingEvent.type.in_(judging.JUDGED))
        .where(TrackingEvent.edition != rules.EDITION)
        .values(edition=rules.EDITION)
    )
    _mark(session, books, scene, (), changed, {})
    _after(session, (), changed)
    books.write(session, counting.own_shard())
    return len(changed)
