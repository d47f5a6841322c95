"""The database module: nothing is lost between four writers, no naive time, no lost update."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import String, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm.exc import StaleDataError

from tests import factories
from tests.conftest import NOW
from tpma.core.bulk import insert_rows
from tpma.core.db import (
    Base,
    Database,
    clock_of,
    json_elements,
    key_text,
    new_id,
    one_of,
    passed_rows,
    roomy,
    upsert,
    values,
)
from tpma.core.ids import uuid7
from tpma.identity.models import Membership
from tpma.jobs import Job

UNSEEN = {"synchronize_session": False}


@pytest.fixture
def row(db):
    """The id of a row with a number in it."""
    with db.transaction() as session:
        job = Job(name="count", payload={"tags": ["a", "b"]}, run_at=NOW)
        session.add(job)
    return job.id


def test_four_threads_that_read_and_then_write_lose_nothing(db, row):
    def add_one(_turn: int) -> None:
        with db.transaction() as session:
            # PostgreSQL says which rows it reads in order to write; SQLite locks as it begins.
            wanted = select(Job).where(Job.id == row).with_for_update()
            session.scalars(wanted).one().attempts += 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one, range(200)))
    with db.reading() as session:
        assert session.get_one(Job, row).attempts == 200


def test_a_reader_is_not_kept_waiting_by_a_writer(db, row):
    with db.transaction() as writer:
        writer.execute(update(Job).values(attempts=7))
        with db.reading() as reader:
            assert reader.scalar(select(Job.attempts)) == 0


def test_nothing_written_through_reading_is_kept(db, row):
    def write() -> None:
        with db.reading() as session:
            session.execute(update(Job).values(attempts=7))

    if db.dialect == "postgresql":
        with pytest.raises(DBAPIError, match="read-only"):
            write()
    else:
        write()
    with db.reading() as session:
        assert session.scalar(select(Job.attempts)) == 0


def test_an_error_rolls_the_unit_of_work_back(db, row):

    def fail() -> None:
        with db.transaction() as session:
            session.execute(update(Job).values(attempts=7))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with db.reading() as session:
        assert session.scalar(select(Job.attempts)) == 0


def test_a_naive_time_is_refused(db):
    with pytest.raises(StatementError, match="naive"), db.transaction() as session:
        session.add(Job(name="x", payload={}, run_at=datetime(2026, 3, 2)))  # noqa: DTZ001


def test_a_time_comes_back_as_the_same_moment_in_utc(db):
    tokyo = datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=9)))
    with db.transaction() as session:
        session.add(Job(name="x", payload={}, run_at=tokyo))
    with db.reading() as session:
        found = session.scalars(select(Job.run_at)).one()
    assert found == tokyo
    assert found.utcoffset() == timedelta(0)


def test_of_two_who_change_the_same_row_the_later_is_told(db, row):
    def change() -> None:
        with db.transaction() as mine:
            seen = mine.get_one(Job, row)
            version = {"row_version": Job.row_version + 1}
            mine.execute(update(Job).values(version), execution_options=UNSEEN)  # as a neighbour
            seen.attempts = 5

    with pytest.raises(StaleDataError):
        change()
    with db.reading() as session:
        assert session.get_one(Job, row).attempts == 0


def test_every_business_table_carries_the_optimistic_lock():
    versioned = [
        mapper.class_ for mapper in Base.registry.mappers if "row_version" in mapper.columns
    ]
    assert len(versioned) > 15
    assert all(mapper.version_id_col is not None for mapper in (c.__mapper__ for c in versioned))


def test_a_row_is_stamped_by_the_clock_of_its_session(db, clock, row):
    with db.reading() as session:
        made = session.get_one(Job, row)
        assert (made.created_at, made.updated_at, made.row_version) == (NOW, NOW, 1)
    later = clock.forward(hours=1)
    with db.transaction() as session:
        session.get_one(Job, row).attempts = 1
    with db.reading() as session:
        made = session.get_one(Job, row)
        assert (made.created_at, made.updated_at, made.row_version) == (NOW, later, 2)


def test_an_id_carries_the_clock_of_its_session(session):
    assert new_id(session).int >> 80 == int(clock_of(session)().timestamp() * 1000)


def test_references_are_enforced(db):
    nobody = uuid7(NOW)
    with pytest.raises(IntegrityError), db.transaction() as session:
        session.add(Membership(user_id=nobody, organisation_id=nobody, roles=[]))


def test_an_upsert_finds_the_conflict_on_either_database(session):
    wanted = {"name": "x", "payload": {}, "run_at": NOW, "key": "k", "attempts": 0}
    marks = {"created_at": NOW, "updated_at": NOW, "row_version": 1}
    for _turn in range(2):
        values = wanted | marks | {"id": new_id(session)}
        session.execute(upsert(session, Job).values(values).on_conflict_do_nothing())
    assert len(session.scalars(select(Job)).all()) == 1


def test_the_strings_of_a_json_array_become_rows(session):
    factories.membership(factories.organisation(), "PA", "PS")
    roles = json_elements(session, Membership.roles)
    found = session.scalars(select(roles.c.value).select_from(Membership).join(roles, text("true")))
    assert sorted(found) == ["PA", "PS"]


def test_sqlite_is_as_strict_and_as_safe_as_the_other(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    with database.reading() as session:
        told = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("foreign_keys", "journal_mode", "synchronous")
        }
    database.close()
    assert told == {"foreign_keys": 1, "journal_mode": "wal", "synchronous": 2}


def test_a_unit_of_work_on_sqlite_takes_the_lock_as_it_begins(tmp_path):
    """Taken after a read, the lock fails at once if anyone committed in between."""
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        other = sqlite3.connect(tmp_path / "new.db", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
    database.close()


def test_many_rows_are_added_as_one_by_one_they_would_be(db):
    rows = [
        {"id": uuid7(NOW), "name": f"job {n}", "payload": {"tab": "a\tb", "ü": [n, None]},
         "run_at": NOW, "attempts": n, "created_at": NOW, "updated_at": NOW,
         "row_version": 1, "error": error}
        for n, error in enumerate([None, "", "\\N", "a\\b\nc", "ünï", "a\tb\r\\.", "\\t"])
    ]  # fmt: skip
    with db.transaction() as session:
        insert_rows(session, Job, rows)
        insert_rows(session, Job, [])
    with db.reading() as session:
        found = {job.id: job for job in session.scalars(select(Job))}
    assert len(found) == len(rows)
    for row in rows:
        assert {name: getattr(found[row["id"]], name) for name in row} == row


def test_what_is_alike_in_all_rows_is_said_once(db):
    own = [{"id": uuid7(NOW), "attempts": n} for n in range(3)]
    alike = {"name": "a\tb", "payload": {"say": 'ü "\\\n'}, "run_at": NOW, "created_at": NOW,
             "updated_at": NOW, "row_version": 1}  # fmt: skip
    with db.transaction() as session:
        insert_rows(session, Job, own, **alike)
    with db.reading() as session:
        found = {job.id: job for job in session.scalars(select(Job))}
    for row in own:
        wanted = row | alike
        assert {name: getattr(found[row["id"]], name) for name in wanted} == wanted


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_a_look_at_the_database_forgets_no_prepared_statement(db, row):
    """Or a worker's statements would be planned anew for each wave."""
    for _turn in range(8):
        with db.reading() as session:
            session.get_one(Job, row)
    with db.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM pg_prepared_statements")) > 0


def test_nothing_written_by_a_reader_is_kept(db, row):
    with suppress(DBAPIError), db.reading() as session:
        session.execute(update(Job).values(attempts=9))
    with db.reading() as session:
        assert session.get_one(Job, row).attempts == 0


def test_rows_added_in_a_unit_of_work_that_fails_are_not_there(db):
    row = {"id": uuid7(NOW), "name": "x", "payload": {}, "run_at": NOW, "attempts": 0,
           "created_at": NOW, "updated_at": NOW, "row_version": 1}  # fmt: skip
    with pytest.raises(IntegrityError), db.transaction() as session:
        insert_rows(session, Job, [row, row])
    with db.reading() as session:
        assert session.scalars(select(Job)).all() == []


def test_a_whole_batch_is_one_parameter(db, row):
    with db.transaction() as session:
        given = passed_rows(session, "given", id=Job.__table__.c.id.type, error=String())
        told = [{"id": key_text(session, row), "error": 'say "ü"'}]
        session.execute(
            update(Job).where(Job.id == given.c.id).values(error=given.c.error),
            {"given": json.dumps(told)},
            execution_options=UNSEEN,
        )
    with db.reading() as session:
        assert session.get_one(Job, row).error == 'say "ü"'


def test_many_numbers_are_one_parameter(db, row):
    with db.transaction() as session:
        wanted = one_of(session, Job.attempts, "given")
        found = select(Job.id).where(wanted)
        assert session.scalars(found, {"given": values(session, [3, 0, 7])}).all() == [row]
        assert session.scalars(found, {"given": values(session, [3])}).all() == []
        assert session.scalars(found, {"given": values(session, [])}).all() == []


def test_many_keys_are_one_parameter(db, row):
    with db.transaction() as session:
        found = select(Job.id).where(one_of(session, Job.id, "given"))
        assert session.scalars(found, {"given": values(session, [uuid7(NOW), row])}).all() == [row]


def test_the_room_a_statement_got_is_given_back_also_after_a_fault(db):
    def room(session) -> int | None:
        return None if db.dialect != "sqlite" else session.scalar(text("PRAGMA cache_size"))

    with db.transaction() as session:
        usual = room(session)
        with roomy(session):
            assert usual is None or room(session) == -64 * 1024
        assert room(session) == usual
        with pytest.raises(LookupError), roomy(session):
            raise LookupError
        assert room(session) == usual


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_postgresql_compiles_no_statement_of_ours_first(db):
    with db.transaction() as session:
        session.execute(text("SELECT 1"))
        session.rollback()  # takes nothing of it back
    with db.reading() as session:
        assert session.scalar(text("SHOW jit")) == "off"
