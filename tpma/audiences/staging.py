"""Rows of a confirmed list are staged, then become contacts.

Staging goes in short transactions, so that other writers pass and a crash loses at most one
batch: `rows_read` says where to go on. `tpma.audiences.merging` is the one statement at the end.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from tpma.audiences.columns import refused
from tpma.audiences.merging import fail, merge
from tpma.audiences.models import ContactImport, ImportRow, ImportState
from tpma.audiences.reading import Record, records
from tpma.audiences.rows import Reader
from tpma.audiences.suppressing import address_hash
from tpma.core.bulk import insert_rows
from tpma.core.db import Database, clock_of
from tpma.core.errors import Invalid
from tpma.core.ids import uuid7s
from tpma.core.signing import Signer

BATCH = 5_000


class _TakenOver(Exception):
    """Another worker reads this list; it will finish it."""


def run(db: Database, signer: Signer, folder: Path, import_id: UUID) -> ImportState:
    """Stage what is not staged yet, then merge. Safe to run again, at any point, by anybody."""
    with db.reading() as session:
        found = session.get_one(ContactImport, import_id)
    try:
        if found.state is ImportState.STAGING:
            _stage(db, signer, folder, found)
        with db.transaction() as session:
            state = merge(session, import_id)
    except _TakenOver:
        return ImportState.STAGING
    except Invalid as error:
        with db.transaction() as session:
            state = fail(session, import_id, error.message)
    (folder / found.file_path).unlink(missing_ok=True)
    return state


def _stage(db: Database, signer: Signer, folder: Path, found: ContactImport) -> None:
    reader = _reader(found, signer)
    done = found.rows_read
    for batch in _batches(found, folder):
        with db.transaction() as session:
            _stage_batch(session, found, reader, batch, done)
        done += len(batch)
    with db.transaction() as session:
        session.execute(
            update(ContactImport)
            .where(ContactImport.id == found.id, ContactImport.state == ImportState.STAGING)
            .values(state=ImportState.MERGING, rows_total=done)
        )


def _reader(found: ContactImport, signer: Signer) -> Reader:
    return Reader(
        mapping={int(number): field for number, field in found.mapping.items()},
        denied=frozenset(n for n, heading in enumerate(found.columns) if refused(heading)),
        hashed=lambda norm: address_hash(signer, norm),
    )


def checked(found: ContactImport, signer: Signer, folder: Path) -> Iterator[dict[str, Any]]:
    """Every row read and checked, and none kept: the least an import can cost."""
    reader = _reader(found, signer)
    for batch in _batches(found, folder):
        yield from map(reader.row, batch)


def _batches(found: ContactImport, folder: Path) -> Iterator[list[Record]]:
    rows = records(folder / found.file_path, found.encoding, found.separator)
    left = islice(rows, int(found.has_header) + found.rows_read, None)
    while batch := list(islice(left, BATCH)):
        yield batch


def _stage_batch(
    session: Session, found: ContactImport, reader: Reader, batch: list[Record], done: int
) -> None:
    now = clock_of(session)()
    keys = uuid7s(now, len(batch))
    staged = [_staged(found, reader.row(row), key) for row, key in zip(batch, keys, strict=True)]
    moved = session.execute(
        update(ContactImport)
        .where(
            ContactImport.id == found.id,
            ContactImport.state == ImportState.STAGING,
            ContactImport.rows_read == done,
        )
        .values(
            rows_read=done + len(batch),
            rows_bad=ContactImport.rows_bad + sum(row["fault"] is not None for row in staged),
        )
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise _TakenOver
    insert_rows(session, ImportRow, staged, import_id=found.id)


def _staged(found: ContactImport, row: dict[str, Any], contact_id: UUID) -> dict[str, Any]:
    """The row, which becomes the list's own."""
    own = row["tags"]
    row["tags"] = list(dict.fromkeys([*found.tags, *own])) if own else found.tags
    row["contact_id"] = contact_id
    return row
