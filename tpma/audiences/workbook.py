"""An XLSX workbook as CSV, within limits that a hostile one cannot get around.

A workbook is a zip of XML, and its reader builds the whole rectangle of a sheet: a file of 10 KB
can ask for 17 thousand million cells. So its parts are first unpacked into a second archive,
counting every byte and looking for the farthest cell; only that copy is opened.
"""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import number

MOST_UNPACKED = 128 * 1024 * 1024  # bytes of all parts together
MOST_RATIO = 250  # unpacked to packed; real lists stay under 60
MOST_PARTS = 2_000
MOST_CELLS = 3_000_000  # rows times columns of the rectangle
_BLOCK = 256 * 1024
_PART = re.compile(r"(\[Content_Types\]\.xml|_rels/.*\.rels|xl/.*\.(xml|rels))")
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
_OVERLAP = 32  # longer than any reference, so that none is lost between two blocks

Value = int | float | str | bool | date | datetime | time | timedelta


def is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def to_csv(path: Path, target: Path) -> None:
    """Write the first sheet that holds anything as UTF-8 CSV. Raises Invalid naming the limit."""
    with NamedTemporaryFile(dir=target.parent, suffix=".part") as copy:
        try:
            _unpack(path, copy)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as bad:
            raise _unreadable() from bad
        copy.flush()
        _write(Path(copy.name), target)


def _unreadable() -> Invalid:
    return Invalid(
        _("This workbook cannot be opened. Save it again as .xlsx, or as “CSV UTF-8”."),
        field="file",
    )


def _unpack(path: Path, copy: IO[bytes]) -> None:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as clean:
        parts = [part for part in source.infolist() if _PART.fullmatch(part.filename)]
        _refuse_bomb(parts, source)
        for part in parts:
            with source.open(part) as packed, clean.open(part.filename, "w") as plain:
                farthest = _Farthest() if part.filename.startswith("xl/worksheets/") else None
                for block in _blocks(packed):
                    plain.write(block)
                    if farthest:
                        farthest.look(block)


def _refuse_bomb(parts: list[zipfile.ZipInfo], source: zipfile.ZipFile) -> None:
    """By the sizes the archive declares; unpacking stops at them, so they cannot be a lie."""
    unpacked = sum(part.file_size for part in parts)
    dense = any(
        part.file_size > 1024 * 1024 and part.file_size > part.compress_size * MOST_RATIO
        for part in parts
    )
    if unpacked > MOST_UNPACKED or dense or len(source.infolist()) > MOST_PARTS:
        raise Invalid(
            _(
                "This workbook unpacks to more than %(most)s MB, or more tightly than a list does. "
                "Save the list as CSV.",
                most=number(MOST_UNPACKED // 1024 // 1024),
            ),
            field="file",
        )


def _blocks(packed: IO[bytes]) -> Iterator[bytes]:
    while block := packed.read(_BLOCK):
        yield block


class _Farthest:
    """Follows the references of a sheet and refuses a rectangle that is too large."""

    def __init__(self) -> None:
        self._tail = b""
        self._column = 1
        self._row = 1

    def look(self, block: bytes) -> None:
        text = self._tail + block
        self._tail = text[-_OVERLAP:]
        for letters, digits in set(_REFERENCE.findall(text)):
            self._column = max(self._column, _column_number(letters))
            self._row = max(self._row, int(digits))
        if self._column * self._row > MOST_CELLS:
            raise Invalid(
                _(
                    "This sheet reaches over more than %(most)s cells. Delete empty rows and "
                    "columns, or save the list as CSV.",
                    most=number(MOST_CELLS),
                ),
                field="file",
            )


def _column_number(letters: bytes) -> int:
    found = 0
    for letter in letters.upper():
        found = found * 26 + letter - 64
    return found


def _write(copy: Path, target: Path) -> None:
    try:
        with CalamineWorkbook.from_path(copy) as workbook:
            sheet = _first_with_cells(workbook)
            with target.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(_texts(sheet))
    except (CalamineError, PasswordError) as error:
        raise _unreadable() from error


def _first_with_cells(workbook: CalamineWorkbook) -> CalamineSheet:
    for sheet in workbook.sheets_metadata:
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible:
            found = workbook.get_sheet_by_name(sheet.name)
            if found.height:
                return found
    raise Invalid(_("No sheet of this workbook holds anything."), field="file")


def _texts(sheet: CalamineSheet) -> Iterator[list[str]]:
    """Rows as text from the first of the sheet, empty ones too, so that row numbers hold."""
    for row in sheet.iter_rows():
        yield [_text(value) for value in row]


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
