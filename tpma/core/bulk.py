"""Many rows into a table at once, by the shortest way each database has."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Dialect, Enum, LargeBinary
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from tpma.core.db import Base, clock_of
from tpma.core.ids import uuid7s

_MOST_MEMBERS = 64  # of an enumeration; SQLAlchemy looks each value up in three steps


def new_rows(session: Session, count: int) -> list[dict[str, Any]]:
    """The columns of `Row` for so many new rows."""
    marks = new_marks(session)
    return [{"id": id_, **marks} for id_ in new_ids(session, count)]


def new_ids(session: Session, count: int) -> list[UUID]:
    return uuid7s(clock_of(session)(), count)


def new_marks(session: Session) -> dict[str, Any]:
    """The columns of `Row` that are alike in all new rows."""
    now = clock_of(session)()
    return {"created_at": now, "updated_at": now, "row_version": 1}


def insert_rows(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]], **same: Any
) -> None:
    """Add many rows at once, by the shortest way the database has: COPY, or one statement run
    for each. Every row names the same columns, and `same` those that are alike in all; no default
    of the model is filled in."""
    if not rows:
        return
    core = session.connection()
    into, made_fit = _way_in(core.dialect, table, (*rows[0], *same))
    values = _fitted(made_fit, rows, same)
    if core.dialect.name == "postgresql":
        _copied(core, into, "".join(["\t".join(one) + "\n" for one in values]))
    else:
        core.exec_driver_sql(into, values)


def insert_free(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]], **same: Any
) -> int:
    """As `insert_rows`, without those whose unique keys somebody has; how many were added.

    Where two transactions add the same keys, the later waits for the earlier: give rows in one
    order everywhere, so that no two wait crosswise.
    """
    if not rows:
        return 0
    core = session.connection()
    into, made_fit = _free_way_in(core.dialect, table, (*rows[0], *same))
    values = _fitted(made_fit, rows, same)
    return core.exec_driver_sql(into, values, {"preserve_rowcount": True}).rowcount


def _fitted(
    made_fit: Sequence[tuple[str, "_Fit"]],
    rows: Sequence[Mapping[str, Any]],
    same: Mapping[str, Any],
) -> list[tuple[Any, ...]]:
    own, ends = made_fit[: len(rows[0])], made_fit[len(rows[0]) :]
    tail = [fit(same[name]) for name, fit in ends]
    return [tuple([fit(row[name]) for name, fit in own] + tail) for row in rows]


def _copied(core: Connection, into: str, lines: str) -> None:
    """COPY is the driver's own; its errors are told as those of any other statement."""
    driver: Any = core.dialect.loaded_dbapi
    cursor: Any = core.connection.cursor()
    try:
        with cursor, cursor.copy(into) as copy:
            copy.write(lines)
    except driver.Error as error:
        told = DBAPIError.instance(into, None, error, driver.Error, dialect=core.dialect)
        raise told from error


_Fit = Callable[[Any], Any]


@lru_cache(maxsize=64)
def _way_in(
    dialect: Dialect, table: type[Base], columns: tuple[str, ...]
) -> tuple[str, tuple[tuple[str, _Fit], ...]]:
    """The statement, and for each column what makes a value fit for the driver."""
    found: Any = table.__table__
    into = f"{found.name} ({', '.join(columns)})"
    if dialect.name == "postgresql":
        statement, fit = f"COPY {into} FROM STDIN", _copy_text
    else:
        statement, fit = f"INSERT INTO {into} VALUES ({', '.join('?' * len(columns))})", bound
    return statement, tuple((name, fit(found.c[name].type, dialect)) for name in columns)


@lru_cache(maxsize=64)
def _free_way_in(
    dialect: Dialect, table: type[Base], columns: tuple[str, ...]
) -> tuple[str, tuple[tuple[str, _Fit], ...]]:
    found: Any = table.__table__
    sign = "%s" if dialect.name == "postgresql" else "?"
    signs = ", ".join([sign] * len(columns))
    into = f"INSERT INTO {found.name} ({', '.join(columns)}) VALUES ({signs})"
    made_fit = tuple((name, bound(found.c[name].type, dialect)) for name in columns)
    return f"{into} ON CONFLICT DO NOTHING", made_fit


def bound(kind: TypeEngine[Any], dialect: Dialect) -> _Fit:
    """What makes a value of this kind fit for the driver."""
    processor: _Fit | None = kind.dialect_impl(dialect).bind_processor(dialect)
    fit = processor or (lambda value: value)
    if isinstance(kind, Enum):
        return lru_cache(maxsize=_MOST_MEMBERS)(fit)
    return _often_blank(fit) if isinstance(kind, JSON) else fit


def _often_blank(fit: _Fit) -> _Fit:
    """Most JSON of many rows says nothing, and is put into words once."""
    blanks: tuple[Any, ...] = (None, [], {})
    nothing = {type(value): fit(value) for value in blanks}

    def fit_or_blank(value: Any) -> Any:
        kind = type(value)
        return fit(value) if value or kind not in nothing else nothing[kind]

    return fit_or_blank


def _copy_text(kind: TypeEngine[Any], dialect: Dialect) -> _Fit:
    """A value as COPY reads it. The driver's own way costs three times as much a row."""
    if isinstance(kind, JSON):
        return _often_blank(lambda value: _escaped(json.dumps(value)))
    wraps_it = isinstance(kind, LargeBinary)  # for the driver, which is not asked here
    processor = bound(kind, dialect) if not wraps_it else lambda value: value

    def text_of(value: Any) -> str:
        bound = processor(value)
        return _COPY_TEXT[type(bound)](bound)

    return text_of


def _escaped(value: str) -> str:
    return value.translate(_SIGNS_OF_COPY)


# Of the text form of COPY: signs that end a value or a row, and the one that takes their meaning.
_SIGNS_OF_COPY = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_COPY_TEXT: dict[type, Callable[[Any], str]] = {
    type(None): lambda _value: r"\N",
    bool: lambda value: "t" if value else "f",
    int: str,
    float: repr,
    str: _escaped,
    bytes: lambda value: r"\\x" + value.hex(),
    UUID: lambda value: value.hex,
    datetime: datetime.isoformat,
    date: date.isoformat,
}
