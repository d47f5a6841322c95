"""Beginnings built once by the real services, and laid into the empty database of later tests.

A launch that was checked, frozen, planned and queued is some three hundred statements and a
drawn name; a test of what comes afterwards needs its rows only. The first test of a process to
ask for a beginning has it built, and its rows are kept; a later one that asks for the same gets
those rows. The same is: the same builder and arguments, kind of database and standing clock, an
empty database and an untouched session, and no test that patches what the builders call.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import cache, wraps
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

import tpma.models  # noqa: F401 - every table
from tests.factories.base import bound
from tpma import jobs
from tpma.core.db import Base, clock_of
from tpma.kits import queries as kits
from tpma.pages import kept as pages

ATOMS = (str, bytes, int, float, type(None), Decimal, date, UUID, Enum)
Build = TypeVar("Build", bound=Callable[..., Any])


class Unlike(Exception):
    """An argument that cannot be told from another: what was built with it is not kept."""


class Filled(NamedTuple):
    """What one table held: rows as the driver gave them, or PostgreSQL's own text of them."""

    table: str
    columns: str
    rows: Any


@dataclass(frozen=True)
class Kept:
    tables: tuple[Filled, ...]
    row: type[Any]  # what the builder returned
    key: Any
    loaded: tuple[tuple[str, ...], ...]  # relations of it that can be followed without a session


class Switch:
    """Off outside tests, and while one patches anything (tests/conftest.py)."""

    on = False


_kept: dict[Hashable, Kept] = {}


def kept(build: Build) -> Build:
    """A builder of one row and all that belongs to it, whose work is done once a process."""

    @wraps(build)
    def builder(*args: Any, **given: Any) -> Any:
        session = bound()
        key = _key(session, build, args, given) if Switch.on else None
        if key is None or not _untouched(session):
            return build(*args, **given)
        if key in _kept:
            return _laid(session, _kept[key])
        made = build(*args, **given)
        session.flush()
        _kept[key] = _what_is_there(session, made)
        return made

    return cast(Build, builder)


def _key(session: Session, build: Any, args: Any, given: Any) -> Hashable | None:
    """What tells this beginning from others; None where that cannot be said."""
    now = clock_of(session)()
    if clock_of(session)() != now:  # a clock that goes on: every beginning is another
        return None
    try:
        asked = _told(args), _told(given)
    except Unlike:
        return None
    return build.__module__, build.__qualname__, session.get_bind().dialect.name, now, asked


def _told(value: Any) -> Hashable:
    """The value as something to compare by; 1, 1.0 and True are three."""
    if isinstance(value, ATOMS):
        return type(value), value
    if isinstance(value, dict):
        return dict, tuple((_told(key), _told(each)) for key, each in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(map(_told, value))
    if isinstance(value, set | frozenset):
        return type(value), frozenset(map(_told, value))
    if is_dataclass(value) and not isinstance(value, type):
        return type(value), tuple(_told(getattr(value, each.name)) for each in fields(value))
    raise Unlike


def _untouched(session: Session) -> bool:
    if session.new or session.identity_map.keys():
        return False
    return not session.connection().exec_driver_sql(_anything()).scalar()


@cache
def _anything() -> str:
    """One question about every table: is there a row?"""
    each = (f"EXISTS (SELECT 1 FROM {table})" for table in Base.metadata.tables)
    return f"SELECT {' OR '.join(each)}"


def _what_is_there(session: Session, made: Any) -> Kept:
    state = inspect(made)
    found = (_held(session, table) for table in Base.metadata.sorted_tables)
    tables = tuple(table for table in found if table.rows)
    return Kept(tables, state.mapper.class_, state.identity, tuple(_loaded(made, ())))


def _held(session: Session, table: Any) -> Filled:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    connection = session.connection()
    cursor: Any = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        with cursor, cursor.copy(f"COPY {table.name} ({columns}) TO STDOUT") as copy:
            return Filled(table.name, columns, b"".join(copy))
    rows = cursor.execute(f"SELECT {columns} FROM {table.name}").fetchall()
    cursor.close()
    return Filled(table.name, columns, rows)


def _loaded(row: Any, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Relations to one other row that are at hand, and those of that row."""
    state = inspect(row)
    for relation in state.mapper.relationships:
        if relation.uselist or relation.key in state.unloaded or len(way) > 3:
            continue
        other = getattr(row, relation.key)
        if other is not None:
            yield (*way, relation.key)
            yield from _loaded(other, (*way, relation.key))


# What the product keeps in memory by ids and versions of rows. No two installations have a row in
# common; two tests that begin alike have.
BY_IDS: tuple[Any, ...] = (
    pages._shelves._made,
    pages._bodies._made,
    pages._looks._last._made,
    kits._kept._contents,
)


def _count_on(cursor: Any, name: str) -> None:
    """The next row gets a number after those that were laid, as SQLite sees to by itself."""
    column = Base.metadata.tables[name].autoincrement_column
    if column is not None:
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{name}', '{column.name}'), max({column.name}))"
            f" FROM {name}"
        )


def _laid(session: Session, beginning: Kept) -> Any:
    """The rows put in by the driver, and the builder's own read back with its relations."""
    for known in BY_IDS:
        known.clear()
    connection = session.connection()
    cursor: Any = connection.connection.cursor()
    for name, columns, rows in beginning.tables:
        if connection.dialect.name == "postgresql":
            with cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
                copy.write(rows)
            _count_on(cursor, name)
        else:
            places = ", ".join("?" * len(rows[0]))
            cursor.executemany(f"INSERT INTO {name} ({columns}) VALUES ({places})", rows)
    cursor.close()
    if any(table.table == "jobs" for table in beginning.tables):
        event.listen(session, "after_commit", jobs._something_is_due, once=True)
    made = session.get_one(beginning.row, beginning.key)
    for way in beginning.loaded:
        row = made
        for step in way:
            row = getattr(row, step)
    return made
