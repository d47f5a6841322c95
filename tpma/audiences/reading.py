"""An uploaded list as an iterator of rows, in constant memory.

Nothing here trusts the file: each limit is checked before the bytes behind it are held, and the
message names the limit. Workbooks become CSV once (`tpma.audiences.workbook`), so that whatever
comes after reads one format.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tpma.audiences.encodings import guess_encoding, spoken
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import number

MOST_ROWS = 1_000_000
MOST_COLUMNS = 200
MOST_RECORD = 100_000  # characters of one row
MOST_LINES = 100  # line breaks inside one row; more means a quotation mark was never closed
SEPARATORS = (",", ";", "\t", "|")
_SAMPLE = 64 * 1024  # bytes the separator is judged by
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # Excel's own first line
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


class Record(NamedTuple):
    """One row as it stands in the file. `broken`: its quotation marks do not close."""

    line: int  # of the file, from 1
    cells: list[str]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is to be read, and how much is in it."""

    encoding: str
    separator: str
    columns: list[str]
    has_header: bool
    rows: int


class _UnclosedQuote(Exception):
    """This record cannot end well; its first line is given up and the others read again."""


class _Lines:
    """Lines for the csv module that remembers those of the current record."""

    def __init__(self, source: io.TextIOWrapper) -> None:
        self._source = source
        self._again: deque[tuple[int, str]] = deque()
        self._number = 0
        self.taken: list[tuple[int, str]] = []
        self._size = 0
        self.ended_inside = False

    def begin(self) -> None:
        self.taken, self._size, self.ended_inside = [], 0, False

    def give_up_first(self) -> tuple[int, str]:
        """The line the broken record began with; the rest of it will be read again."""
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        return first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._again.popleft() if self._again else self._read()
        if not line:
            self.ended_inside = bool(self.taken)
            raise StopIteration
        self.taken.append((number, line))
        self._size += len(line)
        if self._size > MOST_RECORD or len(self.taken) > MOST_LINES:
            raise _UnclosedQuote
        return line

    def _read(self) -> tuple[int, str]:
        line = self._source.readline(MOST_RECORD + 1)
        self._number += 1
        if len(line) > MOST_RECORD:
            raise Invalid(_too_long(self._number), field="file")
        return self._number, line.replace("\0", "") or ("\n" if line else "")


def _too_long(line: int) -> str:
    return _(
        "Line %(line)s has more than %(most)s characters. One row is one person: check that the "
        "file has line breaks.",
        line=number(line),
        most=number(MOST_RECORD),
    )


def records(path: Path, encoding: str, separator: str) -> Iterator[Record]:
    """Every row that is not empty, header included.

    Raises Invalid if a line is too long or the bytes are not of this encoding.
    """
    with path.open("rb") as file:
        yield from records_of(file, encoding, separator)


def records_of(file: BinaryIO, encoding: str, separator: str) -> Iterator[Record]:
    source = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        yield from _parsed(_Lines(source), separator)
    except UnicodeDecodeError as error:
        raise Invalid(
            _(
                "This file is not written in %(encoding)s. Choose another encoding, or save the "
                "list as “CSV UTF-8”.",
                encoding=spoken(encoding),
            ),
            field="encoding",
        ) from error
    finally:
        source.detach()


def _parsed(lines: _Lines, separator: str) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _UnclosedQuote):
            lines.ended_inside = True
        if lines.ended_inside:
            number, text = lines.give_up_first()
            yield Record(number, [text.strip()], broken=True)
            reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")
        elif any(cells) and not _is_separator_line(lines.taken):
            yield Record(lines.taken[0][0], cells)


def _is_separator_line(taken: list[tuple[int, str]]) -> bool:
    number, text = taken[0]
    return number == 1 and _SEPARATOR_LINE.fullmatch(text) is not None


def examine(path: Path, encoding: str = "", separator: str = "") -> Shape:
    """Read a text file once from end to end: what it is, and that all of it can be read.

    `encoding` and `separator` are guessed unless given. Raises Invalid naming the limit.
    """
    chosen = encoding or guess_encoding(path)
    between = separator or guess_separator(_sample(path, chosen))
    rows = records(path, chosen, between)
    first = next(rows, None)
    if first is None:
        raise Invalid(_("This file is empty. Upload a list with one person a row."), field="file")
    columns, has_header = _header(first)
    found = _count(rows) + (0 if has_header else 1)
    if found == 0:
        raise Invalid(
            _("This file has a heading and nobody under it. Add one person a row."), field="file"
        )
    return Shape(chosen, between, columns, has_header, found)


def _count(rows: Iterator[Record]) -> int:
    found = 0
    for found, _record in enumerate(rows, 1):
        if found > MOST_ROWS:
            raise Invalid(
                _("A list has at most %(most)s rows. Split this one.", most=number(MOST_ROWS)),
                field="file",
            )
    return found


def _header(first: Record) -> tuple[list[str], bool]:
    """The names of the columns, and whether the file gave them or its first row is a person."""
    cells = [" ".join(cell.split())[:80] for cell in first.cells]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    if len(cells) > MOST_COLUMNS:
        raise Invalid(
            _(
                "A list has at most %(most)s columns; this one has %(now)s.",
                most=number(MOST_COLUMNS),
                now=number(len(cells)),
            ),
            field="file",
        )
    if any(_ADDRESS.fullmatch(cell) for cell in cells):
        return [_("Column %(n)s", n=n) for n in range(1, len(cells) + 1)], False
    return cells, True


def _sample(path: Path, encoding: str) -> list[str]:
    with path.open("rb") as file:
        raw = file.read(_SAMPLE)
    text = raw.decode(encoding, errors="replace").replace("\0", "")
    lines = text.splitlines(keepends=True)
    return lines[:-1] if len(raw) == _SAMPLE and len(lines) > 1 else lines


def guess_separator(lines: list[str]) -> str:
    """The one that cuts most rows into the same number of cells; a comma if none cuts any."""
    told = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if told and told[1] in SEPARATORS:
        return told[1]
    return max(SEPARATORS, key=lambda separator: _consistency(lines[:200], separator))


def _consistency(lines: list[str], separator: str) -> tuple[float, int, int]:
    """Share of rows of the usual width; fewest quotation marks left inside cells; that width."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return 0.0, 0, 0
    widths = [len(row) for row in rows]
    usual = max(set(widths), key=widths.count, default=0)
    if usual < 2:
        return 0.0, 0, 0
    torn = sum('"' in cell for row in rows for cell in row)
    return round(widths.count(usual) / len(rows), 2), -torn, usual
