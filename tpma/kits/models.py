"""What vendors publish. A published version never changes: a change is a new version."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    ForeignKey,
    LargeBinary,
    String,
    UniqueConstraint,
    event,
    select,
)
from sqlalchemy.orm import (
    Mapped,
    ORMExecuteState,
    Session,
    mapped_column,
    relationship,
)
from sqlalchemy.orm.attributes import get_history
from sqlalchemy.orm.base import PASSIVE_NO_INITIALIZE

from tpma.core.db import Row, enum_column
from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _


class Kit(Row):
    """`title` and `summary` are those of the newest version, in its source language."""

    __tablename__ = "kits"
    __table_args__ = (UniqueConstraint("tenant_id", "key"), UniqueConstraint("tenant_id", "slug"))

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # vendor
    key: Mapped[str] = mapped_column(String(6))  # goes into campaign codes
    slug: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(120))
    summary: Mapped[str] = mapped_column(String(400))
    motion: Mapped[str] = mapped_column(String(32))
    product_families: Mapped[list[str]]
    entitled_tiers: Mapped[list[str]]  # empty: every tier
    entitled_types: Mapped[list[str]]
    territories_allow: Mapped[list[str]]
    territories_deny: Mapped[list[str]]
    embargo_until: Mapped[date | None]
    retires_on: Mapped[date | None]


class KitVersionState(StrEnum):
    DRAFT = "draft"
    VALIDATED = "validated"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    DEPRECATED = "deprecated"
    RECALLED = "recalled"


class KitVersion(Row):
    """`manifest` is `KitContent.to_json()`: assets, units with their texts by locale, slots,
    links, form, consents. With its files it is all that a launch needs, and `content_hash`
    (sha256 over a canonical form of both) says that they are unchanged."""

    __tablename__ = "kit_versions"
    __table_args__ = (UniqueConstraint("kit_id", "semver"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # vendor
    kit_id: Mapped[UUID] = mapped_column(ForeignKey("kits.id"), index=True)
    semver: Mapped[str] = mapped_column(String(32))
    content_hash: Mapped[str] = mapped_column(String(64))
    manifest: Mapped[dict[str, Any]]
    state: Mapped[KitVersionState] = mapped_column(enum_column(KitVersionState))
    published_at: Mapped[datetime | None]
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("kit_versions.id"))
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # who uploaded it
    submitted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # to review
    review_note: Mapped[str] = mapped_column(default="")  # why it came back

    kit: Mapped[Kit] = relationship()


class KitFile(Row):
    """One file of a version: images and style sheets by their path in the kit's folder."""

    __tablename__ = "kit_files"
    __table_args__ = (UniqueConstraint("kit_version_id", "path"),)

    kit_version_id: Mapped[UUID] = mapped_column(ForeignKey("kit_versions.id"))
    path: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    content_type: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)


class KitReminder(Row):
    """The vendor was told that a version ends in at most so many days: told once, not daily."""

    __tablename__ = "kit_reminders"
    __table_args__ = (UniqueConstraint("kit_version_id", "days"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # vendor
    kit_version_id: Mapped[UUID] = mapped_column(ForeignKey("kit_versions.id"))
    days: Mapped[int]


IMMUTABLE_FROM = frozenset(
    {
        KitVersionState.PUBLISHED,
        KitVersionState.SUPERSEDED,
        KitVersionState.DEPRECATED,
        KitVersionState.RECALLED,
    }
)
_CONTENT = ("kit_id", "tenant_id", "semver", "manifest", "content_hash")


@event.listens_for(KitVersion, "before_update")
def _refuse_new_content(_mapper: object, _connection: object, version: KitVersion) -> None:
    history = {
        name: get_history(version, name, PASSIVE_NO_INITIALIZE) for name in (*_CONTENT, "state")
    }
    before = next(iter(history["state"].deleted or history["state"].unchanged), version.state)
    if before in IMMUTABLE_FROM and any(history[name].has_changes() for name in _CONTENT):
        raise _immutable()


@event.listens_for(KitVersion, "before_delete")
def _refuse_removal(_mapper: object, _connection: object, version: KitVersion) -> None:
    if version.state in IMMUTABLE_FROM:
        raise _immutable()


@event.listens_for(KitFile, "before_insert")
@event.listens_for(KitFile, "before_update")
@event.listens_for(KitFile, "before_delete")
def _refuse_other_files(_mapper: object, connection: Connection, file: KitFile) -> None:
    state = connection.scalar(select(KitVersion.state).where(KitVersion.id == file.kit_version_id))
    if state in IMMUTABLE_FROM:
        raise _immutable()


@event.listens_for(Session, "do_orm_execute")
def _refuse_statements(statement: ORMExecuteState) -> None:
    """Statements that go past the objects, `update(KitVersion)`, are refused as a whole."""
    if not (statement.is_update or statement.is_delete):
        return
    mapper = statement.bind_mapper
    if mapper is not None and mapper.class_ in (KitVersion, KitFile):
        raise _immutable()


def _immutable() -> Conflict:
    return Conflict(_("A published version never changes. Publish a new one under a new number."))
