"""Jobs: written with their cause, run by one, tried again, given up with their error."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from tests.conftest import NOW
from tpma import jobs
from tpma.jobs import LEASE, MOST_ATTEMPTS, Job, due, enqueue, run, run_due


@pytest.fixture
def done(monkeypatch):
    """What the job "test.note" was given, each time it ran."""
    ran: list[dict] = []
    monkeypatch.setitem(jobs._handlers, "test.note", lambda system, **payload: ran.append(payload))
    return ran


@pytest.fixture
def broken(monkeypatch):
    def fail(system, **payload):
        raise RuntimeError("no route to host")

    monkeypatch.setitem(jobs._handlers, "test.broken", fail)


def put(system, name="test.note", run_at=NOW, key=None, **payload):
    with system.db.transaction() as session:
        enqueue(session, name, run_at, key=key, **payload)


def only(system) -> Job:
    with system.db.reading() as session:
        return session.scalars(select(Job)).one()


def test_a_job_runs_once_with_what_it_was_given(system, done):
    put(system, launch="a")
    assert (run_due(system), run_due(system)) == (1, 0)
    assert done == [{"launch": "a"}]
    assert only(system).done_at == NOW


def test_a_job_waits_for_its_time(system, clock, done):
    put(system, run_at=NOW + timedelta(minutes=5))
    assert run_due(system) == 0
    clock.forward(minutes=5)
    assert run_due(system) == 1


def test_the_oldest_comes_first_and_no_more_than_asked(system, done):
    for minutes in (1, 3, 2):
        put(system, run_at=NOW - timedelta(minutes=minutes), minutes=minutes)
    run_due(system, most=2)
    assert [payload["minutes"] for payload in done] == [3, 2]


def test_the_job_of_a_decision_rolled_back_does_not_exist(system, done):
    def fail() -> None:
        with system.db.transaction() as session:
            enqueue(session, "test.note", NOW)
            enqueue(session, "test.note", NOW, key="k")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert due(system) == []


def test_a_key_queues_once_within_and_between_transactions(system, done):
    with system.db.transaction() as session:
        enqueue(session, "test.note", NOW, key="k", turn=1)
        enqueue(session, "test.note", NOW, key="k", turn=2)
    put(system, key="k", turn=3)
    run_due(system)
    put(system, key="k", turn=4)
    run_due(system)
    assert done == [{"turn": 1}]


def test_two_transactions_that_queue_one_key_at_once_both_succeed(system, done):
    together = Barrier(4)

    def put_it(_turn: int) -> None:
        together.wait()
        put(system, key="k")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put_it, range(4)))
    assert len(due(system)) == 1


def test_two_runners_run_it_once(system, done):
    for turn in range(10):
        put(system, turn=turn)
    wanted = due(system)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda job_id: run(system, job_id), wanted * 4))
    assert sum(outcomes) == 10
    assert sorted(payload["turn"] for payload in done) == list(range(10))


def test_a_job_that_is_held_is_left_alone_until_the_lease_ends(system, clock, done):
    put(system)
    job_id = only(system).id
    jobs._lease(system, job_id)  # a worker that dies now
    assert due(system) == []
    assert run(system, job_id) is False
    clock.forward(seconds=LEASE.total_seconds() + 1)
    assert run_due(system) == 1


def test_the_pauses_grow_and_the_end_is_dead_with_its_error(system, clock, broken):
    put(system, "test.broken")
    pauses = []
    for _attempt in range(MOST_ATTEMPTS - 1):
        assert run_due(system) == 0
        pauses.append((only(system).run_at - clock()).total_seconds())
        clock.now = only(system).run_at
    assert pauses == [5, 30, 120, 600, 1800, 3600, 7200]
    assert only(system).dead_at is None
    run_due(system)
    dead = only(system)
    assert (dead.dead_at, dead.attempts) == (clock(), 8)
    assert dead.error == "RuntimeError: no route to host"
    clock.forward(days=30)
    assert due(system) == []


def test_before_the_pause_is_over_nobody_tries_again(system, clock, broken):
    put(system, "test.broken")
    run_due(system)
    clock.forward(seconds=4)
    assert due(system) == []
    clock.forward(seconds=1)
    assert len(due(system)) == 1


def test_a_job_that_kills_its_workers_is_given_up_too(system, clock, done):
    put(system)
    with system.db.transaction() as session:
        session.execute(update(Job).values(attempts=MOST_ATTEMPTS))
    assert run_due(system) == 0
    assert done == []
    assert "died" in (only(system).error or "")
    assert only(system).dead_at == NOW


def test_one_broken_job_does_not_hold_up_the_next(system, done, broken):
    put(system, "test.broken", run_at=NOW - timedelta(hours=1))
    put(system)
    assert run_due(system) == 1


def test_a_job_nobody_handles_is_kept_and_named(system):
    put(system, "test.unheard_of")
    assert run_due(system) == 0
    assert "test.unheard_of" in (only(system).error or "")


def test_a_long_error_is_cut_to_what_the_column_holds(system, monkeypatch):
    def fail(system, **payload):
        raise RuntimeError("x" * 2000)

    monkeypatch.setitem(jobs._handlers, "test.long", fail)
    put(system, "test.long")
    run_due(system)
    assert len(only(system).error or "") == 500
