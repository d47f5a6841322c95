"""One engine a process and kind of database, lent to one test after another.

SQLAlchemy compiles a statement once an engine. With an engine of its own every test compiled the
same hundred statements again, and on PostgreSQL met a server process that knew no table yet.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

import tpma.models  # noqa: F401 - every table, to be emptied
from tpma.core.clock import utc_now
from tpma.core.db import Base, Database

Clock = Callable[[], datetime]


class Borrowed:
    """The clock of the test that has the database now."""

    clock: Clock = staticmethod(utc_now)

    def __call__(self) -> datetime:
        return self.clock()


class Files:
    """SQLite: one engine, and for each test a file of its own."""

    def __init__(self) -> None:
        self._now = Borrowed()
        self._path = ""
        self._database = Database("sqlite:///lent.db", self._now)
        event.listen(self._database.engine, "do_connect", self._open)

    def _open(self, _dialect: Any, _record: Any, given: list[Any], _options: Any) -> None:
        given[0] = self._path

    @contextmanager
    def lent(self, path: Path, clock: Clock) -> Iterator[Database]:
        """The database in this file, until the block ends."""
        self._path, self._now.clock = str(path), clock
        self._database.url = f"sqlite:///{path}"
        try:
            yield self._database
        finally:
            self._database.close()


class Server:
    """PostgreSQL: one database a process, empty again after each test."""

    def __init__(self, url: str) -> None:
        self._now = Borrowed()
        self._database = Database(url, self._now)
        with self._database.engine.begin() as connection:
            connection.exec_driver_sql(_EMPTYING)

    @contextmanager
    def lent(self, clock: Clock) -> Iterator[Database]:
        """The empty database, until the block ends."""
        self._now.clock = clock
        try:
            yield self._database
        finally:
            self._empty()

    def _empty(self) -> None:
        if self._database.engine.pool.checkedout():  # a lock held there would stop the next test
            self._database.close()
        with self._database.engine.begin() as connection:
            connection.execute(text("SELECT empty_all_tables()"))

    def close(self) -> None:
        self._database.close()


@cache
def files() -> Files:
    return Files()


# DELETE, not TRUNCATE: of some fifty tables a test fills a few, and TRUNCATE pays for all. A
# function, because it is one round trip and its statements are planned once a connection.
_EMPTYING = """
CREATE OR REPLACE FUNCTION empty_all_tables() RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica
AS $$ BEGIN {deletes} END $$
""".format(deletes=" ".join(f"DELETE FROM {table};" for table in Base.metadata.tables))
