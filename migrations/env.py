"""Run migrations: one transaction each, batch mode on SQLite, never two runners at once."""

from typing import Any

import sqlalchemy as sa
from alembic import context
from sqlalchemy import create_engine, event, text

import tpma.models  # noqa: F401
from tpma.core.db import Base, UTCDateTime
from tpma.core.settings import load


def plain_types(kind: str, item: object, _context: object) -> str | bool:
    """Write our types as the database's own: a migration outlives the code it came from."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"
    return False


def same_type(
    _context: Any, _column: Any, _metadata_column: Any, inspected: Any, ours: Any
) -> bool | None:
    """An enumeration is kept as text of its length; everything else is compared as usual."""
    if isinstance(ours, sa.Enum):
        return not isinstance(inspected, sa.String)
    return None


def run() -> None:
    url = context.config.attributes.get("url") or load().url_of_database
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        # Moving a table in batch mode drops and renames it; references are checked at the end.
        event.listen(engine, "connect", lambda c, _r: c.execute("PRAGMA foreign_keys=OFF"))
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_lock(hashtext('tpma.migrations'))"))
            connection.execute(text("SET lock_timeout = '4s'"))
            connection.commit()  # else every migration would join the transaction just opened
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            render_item=plain_types,
            compare_type=same_type,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
