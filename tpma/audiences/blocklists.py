"""A suppression list on its way in: received, read, looked at, applied, and taken back.

Reading goes in short transactions like that of contacts (`tpma.audiences.staging`), and blocks
nobody: what the list would do is shown first. Applying is one transaction of set-based
statements, and so is taking it back.
"""

import io
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from tpma.audiences import importing
from tpma.audiences.applying import apply_rows, undo_rows
from tpma.audiences.blocking import WORDS, Domain, entry_of
from tpma.audiences.domains import Owner
from tpma.audiences.models import (
    Contact,
    ListState,
    SuppressedDomain,
    Suppression,
    SuppressionList,
    SuppressionListRow,
)
from tpma.audiences.queries import active, suppressed, under_domain
from tpma.audiences.reading import Record, Shape, records
from tpma.audiences.suppressing import address_hash, half_shown
from tpma.audiences.values import cleaned
from tpma.core.db import Database, clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.ids import uuid7
from tpma.core.signing import Signer
from tpma.core.text import Address
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.jobs import enqueue

SMALL = 20_000  # rows that are read and applied while the person waits
BATCH = 5_000
MOST_PASTED = 200_000  # characters
_GUESSED_BY = 200  # rows
_ABANDONED = timedelta(days=7)
_KEPT = timedelta(days=30)  # how long the bad rows can be fetched
Row = SuppressionListRow


def pasted(text: str) -> BinaryIO:
    """Addresses and domains as people paste them, one a line. Raises Invalid(field="pasted")."""
    if len(text) > MOST_PASTED:
        raise Invalid(_("That is too much to paste. Upload it as a file."), field="pasted")
    lines = [part.strip() for part in re.split(r"[\r\n,;]+", text.replace("\0", ""))]
    kept = "\n".join(line.replace('"', "") for line in lines if line)
    if not kept:
        raise Invalid(_("Paste addresses or domains, one a line."), field="pasted")
    return io.BytesIO(kept.encode("utf-8", "replace"))


def receive(
    session: Session,
    actor: Actor,
    owner: Owner,
    received: importing.Received,
    folder: Path,
    *,
    subdomains: bool,
) -> SuppressionList:
    """Remember a received file as a list that is being read.

    Raises Invalid(field="file") if no column holds addresses or domains; then it is not kept.
    """
    path, shape = folder / received.stored, received.shape
    try:
        column = _column(path, shape)
    except Invalid:
        path.unlink(missing_ok=True)
        raise
    found = SuppressionList(
        tenant_id=owner.tenant_id,
        scope=owner.scope,
        name=received.file_name,
        file_path=received.stored,
        encoding=shape.encoding,
        separator=shape.separator,
        column=column,
        skip_first=shape.has_header and not _names(shape.columns[column : column + 1]),
        subdomains=subdomains,
        state=ListState.READING,
    )
    session.add(found)
    session.flush()
    record(session, actor, owner.tenant_id, "suppression_list.received", found, rows=shape.rows)
    later = clock_of(session)() + _ABANDONED
    enqueue(session, "audiences.tidy_blocklist", later, list_id=str(found.id))
    # Also for a small one: if this process dies while the person waits, a worker reads it.
    wait = timedelta(minutes=2 if shape.rows <= SMALL else 0)
    at = clock_of(session)() + wait
    enqueue(
        session, "audiences.read_blocklist", at, key=f"blocklist:{found.id}", list_id=str(found.id)
    )
    return found


def _column(path: Path, shape: Shape) -> int:
    """The column most of whose cells name something."""
    head = [
        row.cells for row in islice(records(path, shape.encoding, shape.separator), _GUESSED_BY)
    ]
    width = max(map(len, head))
    named = [_names([row[n] for row in head if len(row) > n]) for n in range(width)]
    if not any(named):
        raise Invalid(_("No column of this file holds e-mail addresses or domains."), field="file")
    return named.index(max(named))


def _names(cells: list[str]) -> int:
    return sum(not isinstance(entry_of(cell), str) for cell in cells)


def read(db: Database, signer: Signer, folder: Path, list_id: UUID) -> None:
    """Read what is not read yet. Safe to run again, at any point, by anybody."""
    with db.reading() as session:
        found = session.get_one(SuppressionList, list_id)
    if found.state is not ListState.READING:
        return
    try:
        for batch in _batches(found, folder):
            with db.transaction() as session:
                if not _stage(session, signer, list_id, batch):
                    return
    except Invalid as error:
        with db.transaction() as session:
            _fail(session, list_id, error.message)
        return
    with db.transaction() as session:
        _count(session, list_id)
    (folder / found.file_path).unlink(missing_ok=True)


def _batches(found: SuppressionList, folder: Path) -> Iterator[tuple[int, list[Record]]]:
    rows = records(folder / found.file_path, found.encoding, found.separator)
    done = found.rows_read
    left = islice(rows, int(found.skip_first) + done, None)
    while batch := list(islice(left, BATCH)):
        yield done, batch
        done += len(batch)


def _stage(
    session: Session, signer: Signer, list_id: UUID, batch: tuple[int, list[Record]]
) -> bool:
    """Keep one batch; False if somebody else reads this list."""
    done, rows = batch
    found = session.get_one(SuppressionList, list_id, with_for_update=True)
    if (found.state, found.rows_read) != (ListState.READING, done):
        return False
    now = clock_of(session)()
    staged = [_staged(found, signer, row) | {"entry_id": uuid7(now)} for row in rows]
    found.rows_read = done + len(rows)
    found.rows_bad += sum(row["fault"] is not None for row in staged)
    session.execute(insert(Row.__table__), staged)  # type: ignore[arg-type]
    return True


def _staged(found: SuppressionList, signer: Signer, row: Record) -> dict[str, Any]:
    cell = row.cells[found.column] if len(row.cells) > found.column else ""
    entry = "broken_row" if row.broken else entry_of(cell, found.subdomains)
    values: dict[str, Any] = {
        "list_id": found.id,
        "line": row.line,
        "email_hmac": None,
        "shown": "",
        "domain": None,
        "subdomains": False,
        "fault": None,
        "raw": "",
    }
    if isinstance(entry, Address):
        hashed = address_hash(signer, entry.norm)
        return values | {"email_hmac": hashed, "shown": half_shown(entry.shown)}
    if isinstance(entry, Domain):
        return values | {"domain": entry.name, "subdomains": entry.subdomains}
    return values | {"fault": entry, "raw": cleaned(cell)[:300]}


def _count(session: Session, list_id: UUID) -> None:
    found = session.get_one(SuppressionList, list_id, with_for_update=True)
    if found.state is not ListState.READING:
        return
    named = select(func.count(Row.email_hmac.distinct()), func.count(Row.domain.distinct())).where(
        Row.list_id == list_id
    )
    found.addresses, found.domains = session.execute(named).one()
    known = [
        select(func.count(column.distinct()))
        .select_from(Row)
        .join(table, _same(table))
        .where(Row.list_id == list_id, _live(table, found))
        for table, column in ((Suppression, Row.email_hmac), (SuppressedDomain, Row.domain))
    ]
    found.known = sum(session.scalar(query) or 0 for query in known)
    found.state = ListState.READY


def _same(table: Any) -> ColumnElement[bool]:
    if table is Suppression:
        return Suppression.email_hmac == Row.email_hmac
    return SuppressedDomain.domain == Row.domain


def _live(table: Any, found: SuppressionList) -> ColumnElement[bool]:
    return and_(
        table.tenant_id == found.tenant_id, table.scope == found.scope, table.lifted_at.is_(None)
    )


def _fail(session: Session, list_id: UUID, message: str) -> None:
    found = session.get_one(SuppressionList, list_id)
    session.execute(delete(Row).where(Row.list_id == list_id))
    found.state, found.error, found.finished_at = (
        ListState.FAILED,
        message[:300],
        clock_of(session)(),
    )
    record(session, None, found.tenant_id, "suppression_list.failed", found)


def list_of(session: Session, owner: Owner, list_id: UUID) -> SuppressionList:
    """Raises NotFound for another's."""
    found = session.scalar(
        select(SuppressionList).where(
            SuppressionList.id == list_id,
            SuppressionList.tenant_id == owner.tenant_id,
            SuppressionList.scope == owner.scope,
        )
    )
    if found is None:
        raise NotFound(_("This list is not there."))
    return found


def lists(session: Session, owner: Owner, most: int = 100) -> list[SuppressionList]:
    """Newest first."""
    return list(
        session.scalars(
            select(SuppressionList)
            .where(
                SuppressionList.tenant_id == owner.tenant_id, SuppressionList.scope == owner.scope
            )
            .order_by(SuppressionList.id.desc())
            .limit(most)
        )
    )


def people_it_holds(session: Session, found: SuppressionList) -> int:
    """Contacts of the partner who may be on no list yet and are named by this one."""
    other = aliased(Row)
    address = exists().where(other.list_id == found.id, other.email_hmac == Contact.hmac)
    named = or_(
        address.correlate(Contact), under_domain(Row, Contact.email_norm, Row.list_id == found.id)
    )
    query = (
        select(func.count())
        .select_from(Contact)
        .where(*active(found.tenant_id), ~suppressed(), named)
    )
    return session.scalar(query) or 0


def start(session: Session, actor: Actor, found: SuppressionList) -> bool:
    """Confirm a list; True if the caller should apply it now (small), False if a job will.

    Raises Conflict unless it was read and waits.
    """
    if found.state is not ListState.READY:
        raise Conflict(_("This list is not waiting for you. Reload the page."))
    if not found.addresses + found.domains:
        raise Conflict(_("No row of this list can be blocked."))
    found.state = ListState.APPLYING
    record(
        session,
        actor,
        found.tenant_id,
        "suppression.imported",
        found,
        addresses=found.addresses,
        domains=found.domains,
    )
    small = found.rows_read <= SMALL
    at = clock_of(session)() + timedelta(minutes=2 if small else 0)
    enqueue(
        session, "audiences.apply_blocklist", at, key=f"apply:{found.id}", list_id=str(found.id)
    )
    return small


def apply(db: Database, list_id: UUID) -> None:
    """Block what the list names, all of it or nothing. Safe to run again."""
    with db.transaction() as session:
        found = session.get_one(SuppressionList, list_id, with_for_update=True)
        if found.state is not ListState.APPLYING:
            return
        apply_rows(session, found)
        found.state, found.finished_at = ListState.DONE, clock_of(session)()
        later = clock_of(session)() + _KEPT
        enqueue(session, "audiences.tidy_blocklist", later, list_id=str(list_id))


def undo(session: Session, actor: Actor, found: SuppressionList) -> int:
    """Free what this list alone had blocked; how many entries.

    Who unsubscribed, bounced or was added by hand since, or stands on another list, stays.
    Raises Conflict unless the list is applied.
    """
    if found.state is not ListState.DONE:
        raise Conflict(_("This list is not applied, so there is nothing to take back."))
    freed = undo_rows(session, found)
    session.execute(delete(Row).where(Row.list_id == found.id))
    found.state, found.finished_at = ListState.UNDONE, clock_of(session)()
    record(session, actor, found.tenant_id, "suppression_list.undone", found, entries=freed)
    return freed


def discard(session: Session, actor: Actor | None, found: SuppressionList, folder: Path) -> None:
    """Throw a list away that was not applied. Its file and rows go with it."""
    if found.state not in {ListState.READING, ListState.READY, ListState.FAILED}:
        raise Conflict(_("This list is applied. Take it back instead."))
    record(session, actor, found.tenant_id, "suppression_list.discarded", found)
    session.execute(delete(Row).where(Row.list_id == found.id))
    (folder / found.file_path).unlink(missing_ok=True)
    session.delete(found)


def tidy(session: Session, list_id: UUID, folder: Path) -> None:
    """A list nobody applied goes; of an applied one, what its bad rows said."""
    found = session.get(SuppressionList, list_id)
    if found is None:
        return
    if found.state in {ListState.READING, ListState.READY, ListState.FAILED}:
        discard(session, None, found, folder)
    elif found.finished_at and found.finished_at + _KEPT <= clock_of(session)():
        session.execute(delete(Row).where(Row.list_id == list_id, Row.fault.is_not(None)))


def faults(session: Session, found: SuppressionList) -> Iterator[list[Any]]:
    """The rows that were left out, in the order of the file, with what is wrong."""
    yield [_("line"), _("entry"), _("what is wrong")]
    rows = session.scalars(
        select(Row)
        .where(Row.list_id == found.id, Row.fault.is_not(None))
        .order_by(Row.seq)
        .execution_options(yield_per=500)
    )
    for row in rows:
        yield [row.line, row.raw, _(words) if (words := WORDS.get(row.fault or "")) else ""]
