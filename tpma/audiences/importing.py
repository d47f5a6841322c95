"""A list on its way in: uploaded, looked at, confirmed. `tpma.audiences.staging` does the rest."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from tpma.audiences.columns import Column, checked_mapping, guess, refused
from tpma.audiences.encodings import ENCODINGS
from tpma.audiences.models import ConsentBasis, ContactImport, ImportRow, ImportState
from tpma.audiences.reading import SEPARATORS, Shape, examine, records
from tpma.audiences.rules import IMPORT_BASES, import_tags
from tpma.audiences.values import cleaned
from tpma.audiences.workbook import is_zip, to_csv
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.i18n import number
from tpma.core.text import one_line
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.jobs import enqueue

SMALL = 5_000  # rows that are imported while the person waits
PREVIEW = 10
_GUESSED_BY = 200  # rows
_ABANDONED = timedelta(days=7)
_BLOCK = 256 * 1024


def folder_in(home: Path) -> Path:
    """Where uploads wait; `receive` makes it readable by this account only."""
    return home / "imports"


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is here and readable to its end."""

    file_name: str  # as the person calls it
    stored: str  # a random name in the imports folder
    kind: str
    shape: Shape
    columns: list[Column]


def receive(stream: BinaryIO, file_name: str, folder: Path, most_bytes: int) -> Received:
    """Keep an upload under a random name and read it once from end to end.

    Raises Invalid(field="file") for what is no list; then nothing is kept.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / secrets.token_hex(16)
    try:
        _store(stream, path, most_bytes)
        kind = _as_csv(path)
        shape = examine(path)
        return Received(_plain_name(file_name), path.name, kind, shape, _guessed(path, shape))
    except Invalid:
        path.unlink(missing_ok=True)
        raise


def _plain_name(file_name: str) -> str:
    """What a browser says the file is called: for showing only, never a path of ours."""
    last = cleaned(file_name).replace("\\", "/").rsplit("/", 1)[-1]
    return last[:200] or _("list")


def _store(stream: BinaryIO, path: Path, most_bytes: int) -> None:
    left = most_bytes
    with path.open("xb") as file:
        while block := stream.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise Invalid(
                    _(
                        "A list has at most %(most)s MB. Split this one.",
                        most=number(most_bytes // 1024 // 1024),
                    ),
                    field="file",
                )
            file.write(block)


def _as_csv(path: Path) -> str:
    """Turn a workbook into CSV in its place; what the file was."""
    if not is_zip(path):
        return "csv"
    target = path.with_suffix(".csv")
    try:
        to_csv(path, target)
        target.replace(path)
    finally:
        target.unlink(missing_ok=True)
    return "xlsx"


def _guessed(path: Path, shape: Shape) -> list[Column]:
    rows = records(path, shape.encoding, shape.separator)
    body = islice(rows, int(shape.has_header), _GUESSED_BY)
    return guess(shape.columns, [record.cells for record in body])


def upload(session: Session, actor: Actor, tenant_id: UUID, received: Received) -> ContactImport:
    """Remember a received file until its columns and its consent source are confirmed."""
    shape = received.shape
    found = ContactImport(
        tenant_id=tenant_id,
        file_name=received.file_name,
        file_path=received.stored,
        kind=received.kind,
        encoding=shape.encoding,
        separator=shape.separator,
        columns=shape.columns,
        has_header=shape.has_header,
        mapping={str(c.number): c.field for c in received.columns if c.field},
        state=ImportState.UPLOADED,
        rows_total=shape.rows,
    )
    session.add(found)
    session.flush()
    record(session, actor, tenant_id, "import.uploaded", found, rows=shape.rows)
    later = clock_of(session)() + _ABANDONED
    enqueue(session, "audiences.tidy", later, import_id=str(found.id))
    return found


def import_of(session: Session, tenant_id: UUID, import_id: UUID) -> ContactImport:
    found = session.scalar(
        select(ContactImport).where(
            ContactImport.id == import_id, ContactImport.tenant_id == tenant_id
        )
    )
    if found is None:
        raise NotFound(_("This list is not there."))
    return found


def imports(session: Session, tenant_id: UUID, most: int = 20) -> list[ContactImport]:
    """Newest first."""
    return list(
        session.scalars(
            select(ContactImport)
            .where(ContactImport.tenant_id == tenant_id)
            .order_by(ContactImport.id.desc())
            .limit(most)
        )
    )


@dataclass(frozen=True, slots=True)
class Preview:
    columns: list[Column]
    rows: list[list[str]]  # of a refused column nothing is shown


def preview(found: ContactImport, folder: Path) -> Preview:
    """The first rows as they will be read, with the mapping as it stands."""
    columns = [
        Column(n, heading, found.mapping.get(str(n), ""), refused(heading))
        for n, heading in enumerate(found.columns)
    ]
    rows = records(_file_of(found, folder), found.encoding, found.separator)
    body = islice(rows, int(found.has_header), PREVIEW + int(found.has_header))
    return Preview(columns, [_shown(record.cells, columns) for record in body])


def _shown(cells: Sequence[str], columns: Sequence[Column]) -> list[str]:
    return [
        cleaned(cells[column.number])[:80]
        if column.number < len(cells) and not column.refused
        else ""
        for column in columns
    ]


def reread(found: ContactImport, folder: Path, encoding: str, separator: str) -> None:
    """Read the file another way than we guessed; the columns are guessed anew.

    Raises Invalid(field="encoding") if it cannot be read so.
    """
    _must_wait(found)
    if encoding not in ENCODINGS or separator not in SEPARATORS or found.kind == "xlsx":
        raise Invalid(_("Choose one of the options."), field="encoding")
    path = _file_of(found, folder)
    shape = examine(path, encoding, separator)
    found.encoding, found.separator = shape.encoding, shape.separator
    found.columns, found.has_header, found.rows_total = shape.columns, shape.has_header, shape.rows
    found.mapping = {str(c.number): c.field for c in _guessed(path, shape) if c.field}


def _file_of(found: ContactImport, folder: Path) -> Path:
    """The uploaded file. Raises Conflict if another process keeps its files elsewhere."""
    path = folder / found.file_path
    if not path.is_file():
        raise Conflict(_("The uploaded file is not on this server any more. Upload it again."))
    return path


def _must_wait(found: ContactImport) -> None:
    if found.state is not ImportState.UPLOADED:
        raise Conflict(_("This list is already on its way in."))


def start(
    session: Session,
    actor: Actor,
    found: ContactImport,
    *,
    mapping: Mapping[int, str],
    basis: str,
    consent_source: str,
    tags: str = "",
    obtained_on: date | None = None,
    purchased: bool = False,
) -> bool:
    """Confirm columns and consent; True if the caller should run the import now (small), False
    if a job will. Raises Invalid with the field, Conflict if it was started before."""
    _must_wait(found)
    found.mapping = checked_mapping(dict(mapping), found.columns)
    found.basis = _basis(basis)
    found.consent_source = one_line(consent_source, 200, "consent_source")
    if len(found.consent_source) < 5:
        raise Invalid(
            _(
                "Say where these people agreed, for example: customers of our Columbus shop, "
                "told at checkout."
            ),
            field="consent_source",
        )
    if obtained_on is not None and obtained_on > clock_of(session)().date():
        raise Invalid(_("This day is still to come."), field="obtained_on")
    found.obtained_on, found.purchased = obtained_on, purchased
    found.tags = import_tags(tags)
    found.state, found.started_at = ImportState.STAGING, clock_of(session)()
    record(session, actor, found.tenant_id, "import.started", found, basis=found.basis)
    now_is_fine = found.rows_total <= SMALL
    # Also for a small one: if this process dies while the person waits, a worker finishes it.
    later = timedelta(minutes=2) if now_is_fine else timedelta(0)
    at = clock_of(session)() + later
    enqueue(session, "audiences.import", at, key=f"import:{found.id}", import_id=str(found.id))
    session.flush()
    return now_is_fine


def _basis(chosen: str) -> str:
    if chosen not in {basis.value for basis, _words, _means in IMPORT_BASES}:
        raise Invalid(_("Say how these people agreed to hear from you."), field="basis")
    return ConsentBasis(chosen).value


def discard(session: Session, actor: Actor | None, found: ContactImport, folder: Path) -> None:
    """Throw an upload away that was not started. Its file goes with it."""
    _must_wait(found)
    record(session, actor, found.tenant_id, "import.discarded", found)
    (folder / found.file_path).unlink(missing_ok=True)
    session.delete(found)


def forget_rows(session: Session, found: ContactImport) -> None:
    """Delete what an import still holds of people: the rows of its error file."""
    session.execute(delete(ImportRow).where(ImportRow.import_id == found.id))
