"""Rows that no mapper writes: many at once, by the shortest way a database has."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tpma.core.db import Base, clock_of
from tpma.core.ids import uuid7s

_Processors = tuple[tuple[str, Callable[[Any], Any] | None], ...]


def new_rows(session: Session, count: int) -> list[dict[str, Any]]:
    """The columns of `Row` for so many new rows."""
    now = clock_of(session)()
    marks = {"created_at": now, "updated_at": now, "row_version": 1}
    return [{"id": id_, **marks} for id_ in uuid7s(now, count)]


def insert_rows(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add many rows: COPY, or one statement run for each. Every row names the same columns; no
    default of the model is filled in."""
    if not rows:
        return
    core = session.connection()
    columns, values = _values(core.dialect, table, rows)
    into = f"{table.__tablename__} ({', '.join(columns)})"
    if core.dialect.name == "postgresql":
        _copied(core, f"COPY {into} FROM STDIN", values)
    else:
        signs = ", ".join("?" * len(columns))
        core.exec_driver_sql(f"INSERT INTO {into} VALUES ({signs})", values)


def insert_free(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """As `insert_rows`, without those whose unique keys somebody has; how many were added.

    Where two transactions add the same keys, the later waits for the earlier: give rows in one
    order everywhere, so that no two wait crosswise.
    """
    if not rows:
        return 0
    core = session.connection()
    columns, values = _values(core.dialect, table, rows)
    sign = "%s" if core.dialect.name == "postgresql" else "?"
    signs = ", ".join([sign] * len(columns))
    into = f"{table.__tablename__} ({', '.join(columns)})"
    done = core.exec_driver_sql(
        f"INSERT INTO {into} VALUES ({signs}) ON CONFLICT DO NOTHING",
        values,
        {"preserve_rowcount": True},
    )
    return done.rowcount


def _values(
    dialect: Dialect, table: type[Base], rows: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The columns, and each row as the driver takes it."""
    columns = tuple(rows[0])
    ways = _ways_in(dialect, table, columns)
    found = [tuple([way(row[name]) if way else row[name] for name, way in ways]) for row in rows]
    return columns, found


def _copied(core: Connection, into: str, rows: Sequence[Sequence[Any]]) -> None:
    """COPY is the driver's own; its errors are told as those of any other statement."""
    driver: Any = core.dialect.loaded_dbapi
    cursor: Any = core.connection.cursor()
    try:
        with cursor, cursor.copy(into) as copy:
            for one in rows:
                copy.write_row(one)
    except driver.Error as error:
        told = DBAPIError.instance(into, None, error, driver.Error, dialect=core.dialect)
        raise told from error


@lru_cache(maxsize=64)
def _ways_in(dialect: Dialect, table: type[Base], columns: tuple[str, ...]) -> _Processors:
    """For each column what makes a value fit for the driver."""
    found: Any = table.__table__
    kinds = ((name, found.c[name].type.dialect_impl(dialect)) for name in columns)
    return tuple((name, kind.bind_processor(dialect)) for name, kind in kinds)
