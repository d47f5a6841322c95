"""Tables people download: CSV that a spreadsheet opens without running any of it.

The only exporter of the product. Text that a spreadsheet would take for a formula is disarmed,
because most of it was typed by strangers (OWASP, "CSV Injection").
"""

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal

BOM = "\ufeff"  # without it Excel reads UTF-8 as the code page of its country

Cell = str | int | float | Decimal | date | datetime | bool | None
_SIGNS = frozenset("=+-@")
_BREAKS = ("\t", "\r", "\n")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might compute this text.

    Blanks and invisible characters before the sign do not hide it, nor does a full-width sign.
    """
    first = next((c for c in text if not _is_invisible(c)), "")
    return text.startswith(_BREAKS) or unicodedata.normalize("NFKC", first) in _SIGNS


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}


def disarmed(value: Cell) -> str:
    """A cell as text. Numbers and dates are ours and stay as they are; text may get a `'`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str):
        return f"'{value}" if is_formula(value) else value
    return str(value)


class _Line:
    """Where the csv module writes one line, for us to take."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = text
        return len(text)


def lines_of(rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """CSV line by line (RFC 4180: comma, CRLF) after a byte order mark, for a streamed answer."""
    line = _Line()
    writer = csv.writer(line)
    yield BOM
    for row in rows:
        writer.writerow([disarmed(cell) for cell in row])
        yield line.text


def to_csv(rows: Iterable[Iterable[Cell]]) -> bytes:
    """The whole table as UTF-8 bytes."""
    return "".join(lines_of(rows)).encode()
