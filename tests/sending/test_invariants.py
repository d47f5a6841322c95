"""`tpma doctor delivery`: a ledger as it must be is well, and each break is named."""

import pytest
from sqlalchemy import delete, select, text, update

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.core import durability
from tpma.core.errors import Conflict
from tpma.launches.models import Launch
from tpma.ports.mail import Outcome, SendResult
from tpma.sending.invariants import INVARIANTS, findings
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    LaunchPace,
    Message,
    QuotaCounter,
    SendChunk,
    SendLane,
)
from tpma.worker.loop import Worker, settle


@pytest.fixture
def launch(db, system):
    """Two mails accepted; of another launch one is queued."""
    with db.transaction() as session:
        factories.bind(session)
        made = make.running_launch(contacts=2)
    settle(system)
    with db.transaction() as session:
        factories.bind(session)
        make.running_launch(contacts=1)
    return made


def broken(db) -> list[str]:
    with db.reading() as session:
        return [line for holds, line in findings(session) if not holds]


def test_a_ledger_at_work_is_well(db, launch, system):
    assert broken(db) == []
    Worker(look.by(system, FakeMail(lambda _mail: SendResult(Outcome.MAYBE)))).round()
    assert broken(db) == []


def _sql(statement):
    return lambda session, launch: session.execute(text(statement))


def _second_attempt(session, launch, **changes):
    first = session.scalars(select(Attempt).order_by(Attempt.message_id).limit(1)).one()
    known = {c.key: getattr(first, c.key) for c in Attempt.__table__.columns}
    session.add(Attempt(**known | {"id": launch.id, "n": 2} | changes))


def _of(table, **values):
    return lambda session, launch: session.execute(update(table).values(**values))


def _accepted(**values):
    return lambda session, launch: session.execute(
        update(Message).where(Message.launch_id == launch.id).values(**values)
    )


def _another_lane(session, launch):
    lane = session.scalars(select(SendLane.id).where(SendLane.tenant_id != launch.tenant_id)).one()
    session.execute(update(SendChunk).where(SendChunk.launch_id == launch.id).values(lane_id=lane))


def _unmarked(session, launch):
    session.execute(update(SendChunk).values(begun=False))
    session.execute(update(Message).values(send_state="submitting"))


BREAKS = {
    "messages in a state there is not": _sql("UPDATE messages SET send_state = 'lost'"),
    "messages of another tenant than their launch": lambda session, launch: session.execute(
        update(Message).values(tenant_id=launch.vendor_id)
    ),
    "messages of a launch or a reader there is not": lambda session, launch: session.execute(
        update(Message).values(contact_id=launch.id)
    ),
    "accepted messages without an attempt": lambda s, _l: s.execute(delete(Attempt)),
    "accepted messages without the fact": lambda s, _l: s.execute(delete(DeliveryFact)),
    "messages under way, in doubt or unconfirmed without their attempt": _accepted(
        send_state="in_doubt", attempt_n=7
    ),
    "messages that count their attempts wrongly": _accepted(attempt_n=2),
    "messages skipped, failed or dead without a reason": _accepted(send_state="dead"),
    "messages of a third generation": _accepted(generation=3),
    "attempts with an outcome there is not": _of(Attempt, outcome="lucky"),
    "provider ids of several messages": _of(Attempt, provider_id="one-for-all"),
    "messages accepted more often than they have generations": lambda s, launch: _second_attempt(
        s, launch, provider_id="another"
    ),
    "queued messages no worker will find": _of(Message, send_state="queued", chunk_id=None),
    "finished chunks with open messages": _accepted(send_state="queued"),
    "messages under way in a chunk no worker had": _unmarked,
    "messages in a chunk of another launch or step": _of(SendChunk, step=9),
    "chunks in the lane of another tenant": _another_lane,
    "chunks leased by nobody": lambda s, launch: s.execute(
        update(SendChunk).values(lease_owner=None, lease_until=launch.created_at)
    ),
    "quota counters below zero": _of(QuotaCounter, taken=-1),
    "paces below zero": _of(LaunchPace, released=-1),
    "launches with more mails queued than their kit has": _of(Launch, steps_queued=9),
}
# Their tables refuse the break, or hold nothing here.
GUARDED = {"attempts without a message", "notices in a state there is not"}


def test_every_invariant_is_broken_here_once():
    assert {line for line, _rows in INVARIANTS} == set(BREAKS) | GUARDED


@pytest.mark.parametrize("line", BREAKS)
def test_a_break_is_named(db, launch, line):
    with db.transaction() as session:
        BREAKS[line](session, launch)
    assert line in [found.rpartition(":")[0] for found in broken(db)]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_sqlite_that_would_forget_is_refused(db):
    durability.require(db)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
    with pytest.raises(Conflict, match="power cut"):
        durability.require(db)
    db.close()


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_a_postgresql_that_would_forget_is_refused(db):
    """The tests' own database is one: it need not survive a power cut."""
    with pytest.raises(Conflict, match="synchronous_commit off"):
        durability.require(db)
