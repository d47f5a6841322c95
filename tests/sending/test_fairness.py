"""One tenant with a hundred thousand readers, twenty with a hundred, and a cap all share.

A hundred thousand on SQLite, fewer on PostgreSQL, where no turn depends on how many there are.
Rows are planned set-based, and turns are taken by the engine's own claims; no mail is made.
"""

import random
from itertools import count

import pytest
from sqlalchemy import Integer, String, cast, func, insert, literal, select, update

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.core.db import new_id
from tpma.launches.models import Launch
from tpma.sending import engine, planning, queueing
from tpma.sending.models import Message, SendChunk, SendState, Warmup

LARGE, SMALL, TENANTS, BATCH = 100_000, 100, 20, 50
DOMAIN = "harbor-mail.com"
_number = count(1)


def _planned(session, launch, readers):
    """So many planned rows of a launch, made in the database; all of one person."""
    contact = session.scalars(
        select(make.Contact.id).where(make.Contact.tenant_id == launch.tenant_id)
    ).first()
    numbers = select(literal(1, Integer).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < readers))
    key = func.randomblob(16)
    if session.get_bind().dialect.name == "postgresql":
        key = func.decode(func.md5(cast(numbers.c.n, String)), "hex")
    values = {
        "tenant_id": literal(launch.tenant_id, Message.tenant_id.type),
        "launch_id": literal(launch.id, Message.launch_id.type),
        "step": literal(1),
        "seq": numbers.c.n + 1,
        "contact_id": literal(contact, Message.contact_id.type),
        "rcpt_key": key,
        "locale": literal("en"),
        "send_state": literal(SendState.PLANNED.value),
        "reason": literal(""),
        "generation": literal(1),
        "attempt_n": literal(0),
    }
    session.execute(insert(Message).from_select(list(values), select(*values.values())))


def _another(session, like):
    """The same launch as another tenant's, without the way a launch is made."""
    company = factories.partner(default_locale="en").organisation
    make.contact(company)
    known = {column.key: getattr(like, column.key) for column in Launch.__table__.columns}
    number = next(_number)
    own = {
        "id": new_id(session),
        "tenant_id": company.id,
        "campaign_code": f"AAA-TST-{number:07d}",
        "page_slug": f"tenant-{number}",
    }
    copy = Launch(**(known | own))
    session.add(copy)
    session.flush()
    return copy


def _running(session, clock, readers, like=None):
    if like is None:
        launch = make.running_launch(contacts=1)
        session.execute(update(SendChunk).values(finished_at=clock()))
        session.execute(update(Message).values(send_state=SendState.ACCEPTED))
    else:
        launch = _another(session, like)
    _planned(session, launch, readers)
    queueing.queue(session, launch, 1, clock())
    return launch


def _served(db, lease):
    """What a batch would do to its rows, had it been sent; how many it was."""
    with db.transaction() as session:
        ids = session.scalars(
            select(Message.id)
            .where(Message.chunk_id == lease.chunk_id, Message.send_state == SendState.QUEUED)
            .order_by(Message.seq)
            .limit(lease.grant.count)
        ).all()
        session.execute(
            update(Message)
            .where(Message.id.in_(ids))
            .values(send_state=SendState.ACCEPTED)
            .execution_options(synchronize_session=False)
        )
        values = {"lease_owner": None, "lease_until": None}
        if len(ids) < lease.grant.count:
            values["finished_at"] = session.info["clock"]()
        session.execute(update(SendChunk).where(SendChunk.id == lease.chunk_id).values(**values))
    return len(ids)


@pytest.fixture(autouse=True)
def nobody_withdrew(monkeypatch):
    """Who did is other tests' matter, and asking for a hundred thousand takes its time."""
    monkeypatch.setattr(planning, "drop_unmailable", lambda *_given: None)


@pytest.mark.parametrize("workers", [1, 3])
def test_twenty_small_tenants_are_through_before_a_large_one_gets_far(
    db, session, system, clock, workers
):
    by = look.by(system, FakeMail(leaves=False), send_batch=BATCH)
    readers = LARGE if workers == 1 and db.dialect == "sqlite" else 5_000
    large = _running(session, clock, readers)
    small = [_running(session, clock, SMALL, large).id for _tenant in range(TENANTS)]
    session.commit()
    sent: dict = {}
    turns = 0
    owners = [look.owner() for _worker in range(workers)]
    while any(sent.get(launch_id, 0) < SMALL for launch_id in small):
        leases = [engine.claim(by, owner) for owner in owners]
        for lease in leases:
            sent[lease.launch_id] = sent.get(lease.launch_id, 0) + _served(db, lease)
            turns += 1
    # Each small tenant needs two turns (and one to see that its chunk is empty), and in every
    # round of all tenants the large one has one turn, or one a worker.
    assert sent[large.id] <= (SMALL // BATCH + 1) * BATCH * workers + BATCH
    assert turns <= (SMALL // BATCH + 1) * (TENANTS + workers) + workers


def test_many_rows_are_queued_whole(db, session, clock):
    """In chunks of at most 500, by one statement that reads each row once."""
    launch = _running(session, clock, 5_000)
    session.commit()
    with db.reading() as own:
        sizes = own.scalars(
            select(func.count())
            .where(Message.launch_id == launch.id, Message.send_state == SendState.QUEUED)
            .group_by(Message.chunk_id)
        ).all()
    assert sum(sizes) == 5_000
    assert max(sizes) <= queueing.CHUNK


@pytest.mark.parametrize("seed", range(2))
def test_whatever_dies_a_domains_cap_is_never_exceeded(db, session, system, clock, seed):
    """Workers of two tenants die at random after their claim; what they took stays taken."""
    chance = random.Random(seed)
    by = look.by(system, FakeMail(), mail_domain=DOMAIN, send_batch=7)
    _running(session, clock, 300, _running(session, clock, 300))
    session.commit()
    for cap in (50, 100, 200):  # at most: a day that lost much stays on its rung
        left = 0
        for _turn in range(60):
            lease = engine.claim(by, look.owner())
            if lease is None:
                clock.forward(seconds=by.settings.lease_seconds + 1)
            elif chance.random() < 0.7:
                left += _served(db, lease)
        with db.reading() as own:
            row = own.get_one(Warmup, DOMAIN)
            assert left <= row.taken <= cap
            assert row.day == clock().date()
        clock.forward(days=1)
