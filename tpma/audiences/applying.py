"""A read list becomes suppressions, and its suppressions are freed again: set-based statements."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, literal, null, or_, select, update
from sqlalchemy.orm import Session, aliased

from tpma.audiences.models import (
    ListState,
    SuppressedDomain,
    Suppression,
    SuppressionList,
    SuppressionListRow,
    SuppressionReason,
)
from tpma.core.db import clock_of, upsert

Row = SuppressionListRow
_OWNED = ["tenant_id", "scope"]


def apply_rows(session: Session, found: SuppressionList) -> None:
    """Who is on the owner's list already stays as they are; who was taken off it comes back."""
    _addresses(session, found)
    _domains(session, found)


def _addresses(session: Session, found: SuppressionList) -> None:
    fixed = _fixed(session, found, Suppression) | {
        "reason": literal(SuppressionReason.MANUAL, Suppression.reason.type)
    }
    rows = select(Row.entry_id, Row.email_hmac, Row.shown, *fixed.values()).where(
        _first(found.id, Row.email_hmac)
    )
    statement = upsert(session, Suppression).from_select(
        ["id", "email_hmac", "shown", *fixed], rows
    )
    back = ("lifted_at", "reason", "source", "list_id", "updated_at", "shown")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[*_OWNED, "email_hmac"],
            set_={name: statement.excluded[name] for name in back},
            where=Suppression.lifted_at.is_not(None),
        )
    )


def _domains(session: Session, found: SuppressionList) -> None:
    fixed = _fixed(session, found, SuppressedDomain)
    wider = aliased(Row)
    under = (
        select(func.count())
        .where(wider.list_id == found.id, wider.domain == Row.domain, wider.subdomains)
        .scalar_subquery()
    )
    rows = select(Row.entry_id, Row.domain, under > 0, *fixed.values()).where(
        _first(found.id, Row.domain)
    )
    statement = upsert(session, SuppressedDomain).from_select(
        ["id", "domain", "subdomains", *fixed], rows
    )
    new, was = statement.excluded, SuppressedDomain
    lifted = was.lifted_at.is_not(None)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[*_OWNED, "domain"],
            set_={
                "lifted_at": null(),
                "subdomains": case(
                    (lifted, new["subdomains"]), else_=or_(was.subdomains, new["subdomains"])
                ),
                "source": case((lifted, new["source"]), else_=was.source),
                "list_id": case((lifted, new["list_id"]), else_=was.list_id),
                "updated_at": new["updated_at"],
            },
            where=or_(lifted, and_(new["subdomains"], ~was.subdomains)),
        )
    )


def _fixed(session: Session, found: SuppressionList, table: Any) -> dict[str, Any]:
    now = clock_of(session)()
    values = {
        "tenant_id": found.tenant_id,
        "scope": found.scope,
        "source": found.name,
        "lifted_at": None,
        "list_id": found.id,
        "created_at": now,
        "updated_at": now,
        "row_version": 1,
    }
    return {name: literal(value, getattr(table, name).type) for name, value in values.items()}


def _first(list_id: UUID, column: Any) -> ColumnElement[bool]:
    """The first row of the list that names this."""
    firsts = (
        select(func.min(Row.seq))
        .where(Row.list_id == list_id, column.is_not(None))
        .group_by(column)
        .correlate(None)
    )
    return Row.seq.in_(firsts)


def undo_rows(session: Session, found: SuppressionList) -> int:
    """Lift what came with this list, unless another applied list names it; how many."""
    return _undo(session, found, Suppression, "email_hmac") + _undo(
        session, found, SuppressedDomain, "domain"
    )


def _undo(session: Session, found: SuppressionList, table: Any, column: str) -> int:
    mine = and_(table.list_id == found.id, table.lifted_at.is_(None))
    another = (
        select(SuppressionList.id)
        .join(Row, Row.list_id == SuppressionList.id)
        .where(
            getattr(Row, column) == getattr(table, column),
            SuppressionList.tenant_id == found.tenant_id,
            SuppressionList.scope == found.scope,
            SuppressionList.state == ListState.DONE,
            SuppressionList.id != found.id,
        )
        .order_by(SuppressionList.id)
        .limit(1)
        .correlate(table)
        .scalar_subquery()
    )
    session.execute(
        update(table)
        .where(mine, another.is_not(None))
        .values(list_id=another)
        .execution_options(synchronize_session=False)
    )
    now = clock_of(session)()
    freed = session.execute(
        update(table)
        .where(mine)
        .values(lifted_at=now, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return int(freed.rowcount)  # type: ignore[attr-defined]
