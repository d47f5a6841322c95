"""What is open is found though no index says in which state a row is, and no index is written
where only the state changes."""

import pytest
from sqlalchemy import func, select, text, update

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.launches.models import Launch, LaunchState
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import engine, open_work, recovery, service
from tpma.sending.models import Message, SendChunk, SendState

CHANGING = {"send_state", "attempt_n", "generation", "provider_id", "accepted_at", "reason", "seen"}


def test_no_index_of_messages_names_what_changes_with_each_mail():
    for index in Message.__table__.indexes:
        words = f"{index.columns.keys()} {index.dialect_options['postgresql']['where']}"
        assert not [name for name in CHANGING if name in words], index.name


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_postgresql_writes_no_index_where_a_state_changes(db):
    """A whole page changes at once, twice: taken by a wave, then accepted."""
    with db.transaction() as session:
        factories.bind(session)
        launch = make.running_launch(contacts=200)
        of = Message.launch_id == launch.id
    for state in (SendState.SUBMITTING, SendState.ACCEPTED):
        _tidy(db)
        with db.transaction() as session:
            before = _written_hot(session)
            session.execute(update(Message).where(of).values(send_state=state, provider_id=state))
            assert _written_hot(session) - before > 150


def _tidy(db) -> None:
    """Dead versions make room once nobody can see them; what others do may delay that."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM messages"))


def _written_hot(session) -> int:
    """New versions of messages of which no index was told, in transactions of this connection."""
    of_table = func.pg_stat_get_xact_tuples_hot_updated(text("'messages'::regclass::oid"))
    return session.scalar(select(of_table))


@pytest.fixture
def running(session):
    launch = make.running_launch(contacts=3)
    session.commit()
    return launch


def _chunks(db) -> list[SendChunk]:
    with db.reading() as session:
        return list(session.scalars(select(SendChunk).order_by(SendChunk.id)))


def test_a_chunk_is_marked_by_the_worker_who_takes_it(db, running, system):
    assert [chunk.begun for chunk in _chunks(db)] == [False]
    assert engine.claim(system, "one")
    assert [chunk.begun for chunk in _chunks(db)] == [True]


def test_what_never_reached_a_chunk_expires_once(db, session, system, clock):
    launch = make.scheduled_launch(contacts=2)
    session.commit()
    clock.forward(days=120)
    with db.transaction() as own:
        assert service.expire(own, clock()) == 2
    assert look.states(db, launch.id) == ["expired"] * 2
    assert look.launch(db, launch.id).expired_at == clock()
    with db.transaction() as own:
        assert service.expire(own, clock()) == 0


def test_a_draft_that_grew_old_is_not_over(db, session, clock):
    launch = make.launch()
    session.commit()
    clock.forward(days=120)
    with db.transaction() as own:
        service.expire(own, clock())
    assert look.launch(db, launch.id).expired_at is None


def test_chunks_of_what_is_over_are_done(db, running, clock):
    clock.forward(days=91)
    with db.transaction() as own:
        assert service.expire(own, clock()) == 3
    assert [chunk.finished_at for chunk in _chunks(db)] == [clock()]


def test_a_chunk_with_a_doubt_stays_open_when_its_launch_is_stopped(db, running, system, clock):
    unsure = FakeMail(lambda _mail: SendResult(Outcome.MAYBE))
    engine.drain(look.by(system, unsure, send_in_flight=1), look.owner(), most_batches=1)
    with db.transaction() as own:
        own.execute(update(Launch).values(state=LaunchState.ABORTED))
        own.execute(
            update(Message)
            .where(Message.id == look.messages(db, running.id)[0].id)
            .values(send_state=SendState.QUEUED)  # proved not to have left, after the stop
        )
    assert recovery.cancel_stopped(system) == 1
    assert look.states(db, running.id) == ["cancelled", "in_doubt", "in_doubt"]
    assert [chunk.finished_at for chunk in _chunks(db)] == [None]


@pytest.mark.parametrize("over", [LaunchState.CANCELLED, LaunchState.ABORTED])
def test_what_a_deed_planned_as_its_launch_was_stopped_is_cancelled(db, running, system, over):
    with db.transaction() as own:
        own.execute(update(Launch).values(state=over, triggered=1))
        own.execute(
            update(Message).values(
                send_state=SendState.PLANNED, chunk_id=None, not_before=running.ends_at
            )
        )
    assert recovery.cancel_stopped(system) == 3
    assert {message.not_before for message in look.messages(db, running.id)} == {None}


def test_a_launch_with_its_queue_in_an_open_chunk_is_found(db, running):
    with db.transaction() as own:
        assert own.scalars(open_work.launches_with_queue()).all() == [running.id]
        own.execute(update(Message).values(send_state=SendState.ACCEPTED))
        assert own.scalars(open_work.launches_with_queue()).all() == []


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_a_chunk_that_an_intent_is_at_is_let_go_later(db, running, system):
    """An intent locks its chunk and then its messages; whoever came the other way round would
    wait for it while it waits for them."""
    with db.transaction() as own:
        own.execute(update(Launch).values(state=LaunchState.ABORTED))
    with db.transaction() as intent:
        intent.scalars(select(SendChunk.id).with_for_update()).all()
        assert recovery.cancel_stopped(system) == 0
    assert recovery.cancel_stopped(system) == 3
