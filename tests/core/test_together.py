"""Group commit: who comes meanwhile shares a transaction, and nobody fails for another's sake."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from tests.conftest import NOW
from tpma.core import together
from tpma.core.together import Together
from tpma.jobs import Job


class Deadlock(Exception):
    sqlstate = "40P01"  # as PostgreSQL's driver tells it


class Desk:
    """Keeps names as jobs; tells how many came at a time. The first holds the door until `open`."""

    def __init__(self):
        self.batches, self.open, self.entered = [], Event(), Event()
        self.together = Together(self._work)

    def _work(self, session, names):
        self.batches.append(list(names))
        self.entered.set()
        assert self.open.wait(20)
        session.add_all(Job(name=name, payload={}, run_at=NOW) for name in names)
        session.flush()
        if "bad" in names:
            raise ValueError("bad")
        if "crossed" in names and len(names) > 1:
            raise OperationalError("lock", {}, Deadlock())
        if "trouble" in names:
            raise OperationalError("commit", {}, Exception("the disk is full"))
        return [name.upper() for name in names]


@pytest.fixture
def desk():
    return Desk()


def kept(db):
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Job))


def meanwhile(desk, db, names):
    """One goes first; the others come while it works."""
    with ThreadPoolExecutor(len(names) + 1) as pool:
        first = pool.submit(desk.together.do, db, "first")
        assert desk.entered.wait(20)
        come = Barrier(len(names))

        def follow(name):
            come.wait(20)
            return desk.together.do(db, name)

        others = [pool.submit(follow, name) for name in names]
        while len(desk.together._waiting) < len(names):
            pass
        desk.open.set()
        return first, others


def test_one_alone_gets_its_own_result_committed(db, desk):
    desk.open.set()
    assert desk.together.do(db, "ada") == "ADA"
    assert kept(db) == 1


def test_who_comes_meanwhile_shares_the_next_transaction(db, desk):
    _first, others = meanwhile(desk, db, ["a", "b", "c", "d"])
    assert [len(batch) for batch in desk.batches] == [1, 4]
    assert sorted(other.result() for other in others) == ["A", "B", "C", "D"]


def test_each_gets_the_result_of_its_own_item(db, desk):
    names = ["a", "b", "c", "d"]
    _first, others = meanwhile(desk, db, names)
    assert [other.result() for other in others] == [name.upper() for name in names]


def test_nobody_fails_for_another_s_sake(db, desk):
    _first, others = meanwhile(desk, db, ["a", "bad", "c"])
    assert [other.result() for other in others if not other.exception()] == ["A", "C"]
    assert isinstance(others[1].exception(), ValueError)


def test_what_failed_left_nothing_and_the_rest_is_there_once(db, desk):
    meanwhile(desk, db, ["a", "bad", "c"])
    with db.reading() as session:
        assert sorted(session.scalars(select(Job.name))) == ["a", "c", "first"]


def test_after_a_failure_the_next_one_is_served(db, desk):
    desk.open.set()
    with pytest.raises(ValueError, match="bad"):
        desk.together.do(db, "bad")
    assert desk.together.do(db, "ada") == "ADA"


def test_a_database_in_trouble_is_everybody_s_error_and_asked_once(db, desk):
    _first, others = meanwhile(desk, db, ["a", "trouble", "c"])
    assert [type(other.exception()) for other in others] == [OperationalError] * 3
    assert len(desk.batches) == 2
    assert kept(db) == 1


def test_who_waited_crosswise_with_somebody_is_tried_alone(db, desk):
    _first, others = meanwhile(desk, db, ["a", "crossed", "c"])
    assert [other.result() for other in others] == ["A", "CROSSED", "C"]
    assert kept(db) == 4


def test_several_who_were_here_together_are_waited_for(db, desk, monkeypatch):
    meanwhile(desk, db, ["a", "b", "c", "d"])
    monkeypatch.setattr(together, "_MOMENT", 20)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: desk.together.do(db, name), ["e", "f", "g", "h"]))
    assert [len(batch) for batch in desk.batches] == [1, 4, 4]


def test_who_comes_alone_after_many_waits_a_moment_and_then_for_nobody(db, desk, monkeypatch):
    meanwhile(desk, db, ["a", "b", "c", "d"])
    assert desk.together.do(db, "e") == "E"
    monkeypatch.setattr(together, "_MOMENT", 3600)
    assert desk.together.do(db, "f") == "F"
