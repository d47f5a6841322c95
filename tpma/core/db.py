"""The database: one declarative base, one engine, one way to open a transaction.

The only module, with `tpma.core.bulk`, that knows SQLite from PostgreSQL.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    Enum,
    Executable,
    MetaData,
    Subquery,
    TableValuedAlias,
    Text,
    any_,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    UOWTransaction,
    declared_attr,
    mapped_column,
    sessionmaker,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from tpma.core.clock import Clock, utc_now
from tpma.core.ids import uuid7

# Every constraint has a predictable name, so a migration can drop it on any database.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on every database; SQLite alone would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime: pass an aware one")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def enum_column(kind: type[StrEnum]) -> Enum:
    """The values of an enumeration as checked text, the same on every database."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UTCDateTime, dict[str, Any]: JSON, list[str]: JSON}


class Row(Base):
    """A table of business things: UUIDv7 key, two dates and an optimistic lock.

    `id` and the dates are set when the session flushes, from the session's own clock.
    """

    __abstract__ = True
    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-10)
    created_at: Mapped[datetime] = mapped_column(sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(sort_order=91)
    row_version: Mapped[int] = mapped_column(default=1, sort_order=92)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.row_version}


def clock_of(session: Session) -> Clock:
    """The clock this session was opened with."""
    found: Clock = session.info.get("clock", utc_now)
    return found


def new_id(session: Session) -> UUID:
    """An id for a row that other rows must name before it is flushed."""
    return uuid7(clock_of(session)())


def _stamp(session: Session, _context: UOWTransaction, _instances: object) -> None:
    now = clock_of(session)()
    for row in session.new:
        if isinstance(row, Row):
            row.id = row.id or uuid7(now)
            row.created_at = row.created_at or now
            row.updated_at = row.updated_at or now
    for row in session.dirty:
        if isinstance(row, Row) and session.is_modified(row, include_collections=False):
            row.updated_at = now


def _dialect(session: Session) -> str:
    # Finding out what a session is bound to costs more than many a statement: it is one engine.
    return (session.bind or session.get_bind()).dialect.name


def upsert(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say ON CONFLICT on the database of this session."""
    if _dialect(session) == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def json_elements(session: Session, column: ColumnElement[Any] | Any) -> TableValuedAlias:
    """The strings of a JSON array as rows of one column `value`; join it with `true()`."""
    if _dialect(session) == "postgresql":
        return func.json_array_elements_text(column).table_valued("value")
    return func.json_each(column).table_valued("value")


def text_after(session: Session, column: Any, sign: str) -> ColumnElement[str]:
    """What follows the first `sign` in a text column."""
    if _dialect(session) == "postgresql":
        return func.split_part(column, sign, 2, type_=column.type)
    return func.substr(column, func.instr(column, sign) + len(sign), type_=column.type)


def one_writer(session: Session) -> bool:
    """A unit of work that writes here is the only one: what it reads nobody else changes."""
    return _dialect(session) == "sqlite"


def is_crossed(error: Exception) -> bool:
    """Two transactions waited for each other, and this is the one that was given up."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in _CROSSED


_CROSSED = ("40P01", "40001")  # PostgreSQL: deadlock_detected, serialization_failure


def grown(session: Session, *tables: type[Base]) -> None:
    """Tell the planner that these tables have just got many rows.

    PostgreSQL plans the next statement by what it last counted, and joins a table it takes for
    empty row by row; its own look comes a minute later. SQLite takes the index anyway.
    """
    if _dialect(session) == "postgresql":
        names = ", ".join(str(table.__tablename__) for table in tables)
        session.execute(text(f"ANALYZE {names}"))


@contextmanager
def roomy(session: Session) -> Iterator[None]:
    """Let SQLite keep 64 MB of pages for a statement over many rows, and give them back after it.

    Its usual 2 MB are fewer than one index of 50,000 hashes has: then each row costs the reading
    of a page and the writing of another.
    """
    core = session.connection()
    if core.dialect.name != "sqlite":
        yield
        return
    usual = core.exec_driver_sql("PRAGMA cache_size").scalar_one()
    core.exec_driver_sql(f"PRAGMA cache_size = -{64 * 1024}")
    try:
        yield
    finally:
        core.exec_driver_sql(f"PRAGMA cache_size = {usual}")


def passed_rows(session: Session, name: str, **kinds: TypeEngine[Any]) -> Subquery:
    """The rows of a JSON array of objects, passed as the one parameter `name`.

    One statement for a batch: a round trip for each row is what a server's time goes into.
    """
    if _dialect(session) == "postgresql":
        given = func.json_to_recordset(cast(bindparam(name, type_=Text()), JSON))
        columns: list[Any] = [column(key, kind) for key, kind in kinds.items()]
        table = given.table_valued(*columns).render_derived(with_types=True)
        return select(*table.c).subquery(name)
    each = func.json_each(bindparam(name, type_=Text())).table_valued("value")
    return select(
        *(
            type_coerce(func.json_extract(each.c.value, f"$.{key}"), kind).label(key)
            for key, kind in kinds.items()
        )
    ).subquery(name)


def one_of(
    session: Session, column: Any, name: str, keys: Sequence[int] | Sequence[UUID] | None = None
) -> ColumnElement[bool]:
    """The column has one of many values: `keys`, or those passed by `values` as the one parameter
    `name` when the statement is run.

    An IN with a sign for each value is another statement for each number of them: read, planned
    and prepared again. Keys are whole numbers or UUIDs.
    """
    given = bindparam(name, type_=Text())
    if keys is not None:
        given = bindparam(name, values(session, keys), type_=Text())
    if _dialect(session) == "postgresql":
        met: ColumnElement[bool] = column == any_(cast(given, postgresql.ARRAY(column.type)))
        return met
    each = func.json_each(given).table_valued("value")
    found: ColumnElement[bool] = column.in_(select(each.c.value))
    return found


def values(session: Session, keys: Sequence[int] | Sequence[UUID]) -> str:
    """What `one_of` takes as its parameter: text, for a driver looks at each value of a list."""
    plain = [key.hex if isinstance(key, UUID) else key for key in keys]
    if _dialect(session) == "postgresql":
        return "{" + ",".join(map(str, plain)) + "}"
    return json.dumps(plain)


def key_text(session: Session, key: UUID) -> str:
    """A UUID as `passed_rows` wants it."""
    return str(key) if _dialect(session) == "postgresql" else key.hex


def per_dialect(build: Callable[[Session], Any]) -> Callable[[Session], Any]:
    """A statement that differs between databases, put together once for each of them."""
    built: dict[str, Any] = {}

    @wraps(build)
    def found(session: Session) -> Any:
        name = _dialect(session)
        return built[name] if name in built else built.setdefault(name, build(session))

    return found


_THREADS = 32  # a connection too many would be opened and closed, pragmas and all, with each use


class Database:
    """One engine with two ways in: `transaction` writes, `reading` looks."""

    def __init__(self, url: str, clock: Clock = utc_now, **engine: Any) -> None:
        self.url = url
        if url.startswith("sqlite") and "poolclass" not in engine:
            engine = {"pool_size": _THREADS, **engine}
        self.engine = create_engine(url, **engine)
        if self.dialect == "sqlite":
            _make_sqlite_strict(self.engine)
        else:
            _let_postgresql_plan_plainly(self.engine)
            _let_readers_keep_statements(self.engine)
        self._readers = self.engine.execution_options(tpma_reading=True, postgresql_readonly=True)
        self._writing = sessionmaker(self.engine, expire_on_commit=False, info={"clock": clock})
        self._reading = sessionmaker(self._readers, expire_on_commit=False, info={"clock": clock})
        event.listen(self._writing, "before_flush", _stamp)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One unit of work: commit when the block ends, roll back when it raises."""
        with self._writing.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A view that never waits for a writer; nothing written through it is kept."""
        with self._reading() as session:
            yield session

    def glance(self, statement: Executable, **given: Any) -> Any:
        """The first row of one query, or None. No session: for what is asked by the thousand."""
        with self._readers.connect() as connection:
            return connection.execute(statement, given).first()

    def close(self) -> None:
        self.engine.dispose()


def throw_away(path: Path, clock: Clock) -> Database:
    """A database of a file that is deleted afterwards, with every table known so far and no row.

    It survives no power cut, and its rows may name others that were not copied.
    """
    made = Database(f"sqlite:///{path}", clock)

    @event.listens_for(made.engine, "connect")
    def _loose(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("PRAGMA synchronous=OFF")

    Base.metadata.create_all(made.engine)
    return made


def _let_postgresql_plan_plainly(engine: Engine) -> None:
    """No statement of ours is compiled to machine code first.

    The questions a launch asks of its readers have many branches: PostgreSQL takes that for a
    long statement and compiles it for two seconds, whether there are a hundred readers or a
    million, who then take no less time.
    """

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.autocommit = True  # or the setting would go with the first rollback
        connection.execute("SET jit = off")
        connection.autocommit = False


def _let_readers_keep_statements(engine: Engine) -> None:
    """A transaction that could only read ends with a commit.

    A rollback makes the driver forget every statement it has prepared, so after each look at the
    database all of them would be read and planned anew.
    """
    dialect: Any = engine.dialect
    roll_back = dialect.do_rollback
    from_the_start = 2  # INTRANS of libpq: begun, and nothing went wrong

    def end(connection: Any) -> None:
        if connection.read_only and connection.pgconn.transaction_status == from_the_start:
            dialect.do_commit(connection)
        else:
            roll_back(connection)

    dialect.do_rollback = end


def _make_sqlite_strict(engine: Engine) -> None:
    """Give SQLite what PostgreSQL has: enforced foreign keys, readers beside one writer.

    A unit of work takes the write lock as it begins. Taken later, after a read, the lock
    fails at once with SQLITE_BUSY_SNAPSHOT if anyone committed in between, and no
    busy_timeout helps (sqlite.org/isolation.html).
    """

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGINs off; ours are below
        for pragma in (
            "foreign_keys=ON",
            "journal_mode=WAL",
            "synchronous=FULL",  # an intent to send must survive a power cut
            "busy_timeout=15000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("tpma_reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
