"""Migrations: one line of them, up, down and up again with data, and never two at once."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

import tpma.models  # noqa: F401
from tests.conftest import HAS_POSTGRES, POSTGRES
from tests.factories import world as worlds
from tpma.core import schema
from tpma.core.db import Base, Database
from tpma.core.paths import migrations_folder

TABLES = {table.name for table in Base.metadata.sorted_tables}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """The address of a database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    if not HAS_POSTGRES:
        pytest.skip("PostgreSQL does not answer")
    name = f"tpma_migrations_{abs(hash(tmp_path))}"
    admin = create_engine(f"{POSTGRES}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield f"{POSTGRES}/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_there_is_one_line_of_migrations():
    scripts = ScriptDirectory.from_config(schema.config(""))
    line = list(scripts.walk_revisions())
    assert len(scripts.get_heads()) == 1
    assert not any(revision.is_merge_point or revision.is_branch_point for revision in line)
    numbers = [revision.revision for revision in reversed(line)]
    assert numbers == [f"{number:04d}" for number in range(1, len(line) + 1)]


def test_the_number_of_the_last_file_is_the_head():
    """A server asks for it at each look at its health, without Alembic."""
    found = ScriptDirectory.from_config(schema.config(""))
    assert schema.head() == found.get_current_head()


def test_a_migration_outlives_the_code_it_came_from():
    for path in (migrations_folder() / "versions").glob("*.py"):
        assert "tpma" not in re.sub(r'"[^"]*"', "", path.read_text()), path.name


def test_the_migrations_build_what_the_models_say(empty):
    schema.upgrade(empty)
    assert _tables(empty) == TABLES
    schema.check(empty)


def test_not_a_column_or_constraint_differs(db):
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(found, Base.metadata) == []


def test_every_constraint_has_a_name_that_can_be_dropped(db):
    seen = inspect(db.engine)
    for table in TABLES:
        named = [seen.get_pk_constraint(table), *seen.get_foreign_keys(table)]
        named += seen.get_unique_constraints(table) + seen.get_check_constraints(table)
        assert all(found["name"] for found in named), table
        assert all(re.match(rf"(pk|fk|uq|ck)_{table}(_|$)", found["name"]) for found in named), [
            found["name"] for found in named
        ]


def test_the_rows_of_a_launch_and_of_an_import_are_found_by_an_index(db):
    """These tables grow with every mail; without an index a report would read all of them."""
    seen = inspect(db.engine)
    for table in TABLES:
        keys = [index["column_names"] for index in seen.get_indexes(table)]
        keys += [unique["column_names"] for unique in seen.get_unique_constraints(table)]
        keys.append(seen.get_pk_constraint(table)["constrained_columns"])
        columns = {column["name"] for column in seen.get_columns(table)}
        for wanted in columns & {"launch_id", "import_id"}:
            assert any(key and key[0] == wanted for key in keys), f"{table}.{wanted}"


def test_down_to_nothing_and_up_again(empty):
    schema.upgrade(empty)
    schema.downgrade(empty, "base")
    assert _tables(empty) == set()
    schema.upgrade(empty)
    assert _tables(empty) == TABLES


def test_the_way_down_is_open_with_data_in_the_tables(system):
    worlds.build(system)
    url = system.db.url
    filled = _counts(system.db)
    assert len([table for table, rows in filled.items() if rows]) > 25
    system.db.close()
    schema.upgrade(url)  # nothing to do, nothing lost
    assert _counts(system.db) == filled
    system.db.close()
    schema.downgrade(url, "base")
    assert _tables(url) == set()
    schema.upgrade(url)
    schema.check(url)


def test_launches_outlive_the_hosts_their_links_ran_over(system):
    worlds.build(system)
    url = system.db.url
    with system.db.transaction() as session:
        session.execute(text("UPDATE launches SET link_host = 'links.brightline.com'"))
    before = _counts(system.db)
    assert before["link_hosts"] > 0
    system.db.close()
    schema.downgrade(url, "0013")
    schema.upgrade(url)
    assert _counts(system.db) == before | {"link_hosts": 0}
    with system.db.reading() as session:
        assert set(session.scalars(text("SELECT link_host FROM launches"))) == {""}
    system.db.close()


def test_the_ledger_is_written_anew_with_every_row(system):
    """0014 moves the messages on SQLite; what is under way is found where it is looked for."""
    worlds.build(system)
    url, db = system.db.url, system.db
    with db.transaction() as session:
        chunk = session.scalar(text("SELECT min(id) FROM send_chunks"))
        session.execute(text(f"UPDATE send_chunks SET finished_at = NULL WHERE id = {chunk}"))
    filled, before = _counts(db), _messages(db)
    db.close()
    schema.downgrade(url, "0013")
    schema.upgrade(url)
    schema.check(url)
    assert _counts(db) == filled | {"link_hosts": 0}  # they came later
    assert _messages(db) == before
    with db.reading() as session:
        begun = session.scalars(text("SELECT id FROM send_chunks WHERE begun")).all()
    assert begun == [chunk]


def _messages(db: Database) -> list[tuple[object, ...]]:
    wanted = "id, tenant_id, launch_id, contact_id, rcpt_key, send_state, chunk_id, variant, seen"
    with db.reading() as session:
        rows = session.execute(text(f"SELECT {wanted} FROM messages ORDER BY id"))
        return [tuple(row) for row in rows]


def _counts(db: Database) -> dict[str, int]:
    with db.reading() as session:
        return {
            name: session.scalar(text(f"SELECT count(*) FROM {name}")) or 0
            for name in sorted(TABLES)
        }


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_two_migrators_at_once_end_where_one_would(empty, tmp_path):
    """Two releases start together, the second waits for the first. (SQLite serves one machine,
    where one `tpma migrate` runs.)"""
    command = [sys.executable, "-m", "tpma", "migrate"]

    def migrate(_turn: int) -> int:
        environment = {
            "PATH": "/usr/bin:/bin",
            "TPMA_DATABASE_URL": empty,
            "TPMA_HOME": str(tmp_path),
        }
        done = subprocess.run(
            command, env=environment, capture_output=True, check=False, timeout=300
        )
        return done.returncode

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(migrate, range(3))) == [0, 0, 0]
    assert _tables(empty) == TABLES
    assert schema.current(empty) == schema.head()


def test_an_empty_database_has_no_revision(tmp_path):
    assert schema.current(f"sqlite:///{Path(tmp_path) / 'none.db'}") is None
