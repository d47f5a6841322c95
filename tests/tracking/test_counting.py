"""Figures beside the events: exact after every step, and the same when they are made anew."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update

from tests import factories
from tests.factories import launches, pages, tracking
from tests.factories.tracking import CHROME
from tpma.core import schema
from tpma.identity.models import Organisation
from tpma.launches.models import Launch
from tpma.sending.models import Message
from tpma.tracking import counting, service
from tpma.tracking.hits import Hit
from tpma.tracking.models import EventType, TrackingCount, TrackingEvent, Verdict
from tpma.tracking.rules import Visit

KINDS = [EventType.CLICK] * 4 + [EventType.OPEN] * 2 + [EventType.PAGE_VIEW, EventType.TRAP]
AGENTS = [CHROME] * 3 + ["curl/8", "Mozilla/5.0"]


@pytest.fixture
def mails(session, clock):
    """Two steps of a launch to six people, and one mail of another launch."""
    made = pages.launch()
    company = session.get_one(Organisation, made.tenant_id)
    people = [launches.contact(company) for _person in range(6)]
    long_ago = clock() - timedelta(days=1)
    found = [
        tracking.message(made, person, step=step, accepted_at=long_ago)
        for step in (1, 2)
        for person in people
    ]
    found.append(tracking.message(accepted_at=long_ago))
    session.commit()
    return found


def write(db, hits, shard: int = counting.LOADER) -> None:
    with db.transaction() as session:
        service.write(session, hits, shard)


def hit(message: Message, at, kind=EventType.CLICK, key="email1.cta", agent=CHROME) -> Hit:
    return Hit(kind, Visit(at, agent=agent), message.launch_id, message.id, key)


def figures(db) -> dict[tuple, tuple[int, ...]]:
    """By key without the shard, as they are."""
    with db.reading() as session:
        rows = session.scalars(select(TrackingCount))
        found: dict[tuple, list[int]] = {}
        for row in rows:
            key = (row.launch_id, row.type, row.verdict, row.rule, row.step, row.link_key)
            sums = found.setdefault(key, [0, 0, 0])
            for place, name in enumerate(("hits", "messages", "people")):
                sums[place] += getattr(row, name)
        return {key: tuple(sums) for key, sums in found.items() if any(sums)}


def findings(db) -> list[bool]:
    with db.reading() as session:
        return [fine for fine, _line in counting.findings(session)]


def acted(db, launch_id, name: str, kind=EventType.CLICK) -> int:
    with db.reading() as session:
        found = counting.acts(session, [launch_id])
        return getattr(found.get((launch_id, kind), counting.Acts()), name)


def test_a_walk_of_hits_leaves_exact_figures(db, mails, clock):
    chance = random.Random(4)
    for step in range(25):
        batch = []
        for _hit in range(chance.randrange(1, 8)):
            clock.forward(seconds=chance.choice([0.05, 1, 20, 400]))
            kind, key = chance.choice(KINDS), chance.choice(["a.x", "a.y", "a.z"])
            batch.append(hit(chance.choice(mails), clock(), kind, key, chance.choice(AGENTS)))
        write(db, batch, shard=step % 3)
        assert findings(db) == [True, True], step
    kept = figures(db)
    with db.transaction() as session:
        counting.rebuild(session)
    assert figures(db) == kept
    with db.transaction() as session:
        service.rejudge(session, [mail.id for mail in mails])
    assert findings(db) == [True, True]


def test_a_person_counts_once_over_all_steps_and_once_a_mail(db, mails, clock):
    first, second, other = mails[0], mails[6], mails[1]
    for message in (first, first, second, other):
        write(db, [hit(message, clock.forward(minutes=1))])
    assert acted(db, first.launch_id, "mails") == 3
    assert acted(db, first.launch_id, "people") == 2


def test_a_burst_takes_mail_and_person_back_out_of_the_figures(db, mails, clock):
    clock.forward(minutes=1)
    for number in range(2):
        write(db, [hit(mails[0], clock.forward(seconds=1), key=f"a.{number}")])
    assert acted(db, mails[0].launch_id, "people") == 1
    write(db, [hit(mails[0], clock.forward(seconds=1), key="a.2")])
    assert acted(db, mails[0].launch_id, "people") == 0
    assert findings(db) == [True, True]
    write(db, [hit(mails[0], clock.forward(hours=1))])  # later, by hand: the recipient counts
    assert acted(db, mails[0].launch_id, "people") == 1
    with db.reading() as session:
        verdicts = session.scalars(select(TrackingEvent.verdict).order_by(TrackingEvent.id)).all()
    assert verdicts == [Verdict.SCANNER] * 3 + [Verdict.HUMAN]


def test_machines_stand_beside_people(db, mails, clock):
    write(db, [hit(mails[0], clock(), agent=agent) for agent in (CHROME, "curl/8", "Barracuda")])
    launch_id = mails[0].launch_id
    assert (acted(db, launch_id, "hits"), acted(db, launch_id, "raw")) == (1, 3)


@pytest.mark.parametrize(
    "spoil",
    [
        delete(TrackingEvent),
        update(TrackingCount).values(hits=TrackingCount.hits + 1),
        update(TrackingCount).values(people=7),
        update(Message).values(seen=0),
        update(Message).values(clicked_at=None),
    ],
)
def test_figures_that_do_not_agree_are_found_and_made_anew(db, mails, clock, spoil):
    write(db, [hit(mails[0], clock()), hit(mails[1], clock())])
    with db.transaction() as session:
        session.execute(spoil)
    assert False in findings(db)
    with db.transaction() as session:
        counting.rebuild(session, [mails[0].launch_id])
    assert findings(db) == [True, True]


def test_the_migration_counts_the_events_there_are(db, mails, clock):
    for number, message in enumerate(mails):
        kinds = (EventType.OPEN, EventType.CLICK, EventType.PAGE_VIEW)[: 1 + number % 3]
        clock.forward(minutes=1)
        write(db, [hit(message, clock(), kind, f"a.{number % 2}") for kind in kinds])
        write(db, [hit(message, clock(), agent="curl/8")])
    with db.transaction() as session:
        launch = session.get_one(Launch, mails[0].launch_id)
        factories.bind(session)
        service.record(session, EventType.PAGE_VIEW, launch, Visit(clock(), agent=CHROME))
        before = dict(session.execute(select(Message.id, Message.seen)).all())
    kept = figures(db)
    assert any(before.values())
    db.close()
    schema.downgrade(db.url, "0011")
    schema.upgrade(db.url)
    assert figures(db) == kept
    with db.reading() as session:
        assert dict(session.execute(select(Message.id, Message.seen)).all()) == before
        signs = session.execute(select(TrackingEvent.signs, func.count()).group_by("signs")).all()
    assert {tuple(row) for row in signs} == {("", 26), ("library", 13)}


def test_hits_from_many_threads_at_once_are_all_booked(db, mails, clock):
    from concurrent.futures import ThreadPoolExecutor

    at = [clock.forward(minutes=1) for _hit in range(24)]

    def one(number: int) -> None:
        write(db, [hit(mails[number % 13], at[number])], counting.own_shard())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(24)))
    assert findings(db) == [True, True]
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(TrackingEvent)) == 24
