"""Rows that no mapper writes: many at once, and only where their keys are free."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from tpma.core.db import Base, clock_of, per_dialect, upsert
from tpma.core.ids import uuid7s


def new_rows(session: Session, count: int) -> list[dict[str, Any]]:
    """The columns of `Row` for so many new rows."""
    now = clock_of(session)()
    marks = {"created_at": now, "updated_at": now, "row_version": 1}
    return [{"id": id_, **marks} for id_ in uuid7s(now, count)]


def insert_free(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add those of the rows whose unique keys nobody has, by one statement run for each.

    Where two transactions add the same keys, the later waits for the earlier: give rows in one
    order everywhere, so that no two wait crosswise.
    """
    if not rows:
        return
    statements = _statements(session)
    if table not in statements:
        statements[table] = upsert(session, table).on_conflict_do_nothing()
    session.connection().execute(statements[table], rows)


@per_dialect
def _statements(_session: Session) -> dict[type[Base], Any]:
    """Put together once a table."""
    return {}
