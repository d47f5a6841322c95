"""How far an import is, for the person who watches it."""

from dataclasses import dataclass
from datetime import datetime

from tpma.audiences.models import ContactImport, ImportState


@dataclass(frozen=True, slots=True)
class Progress:
    done: int  # rows
    total: int
    rate: int  # rows a second so far; 0 while nothing is known
    seconds_left: int | None


def progress_of(found: ContactImport, now: datetime) -> Progress:
    """Rate and rest by what was read since the start; a merging list has all its rows."""
    total = max(found.rows_total, found.rows_read, 1)
    if found.state is not ImportState.STAGING or found.started_at is None:
        return Progress(found.rows_read, total, 0, None)
    seconds = (now - found.started_at).total_seconds()
    if found.rows_read == 0 or seconds <= 0:
        return Progress(found.rows_read, total, 0, None)
    rate = found.rows_read / seconds
    return Progress(found.rows_read, total, round(rate), round((total - found.rows_read) / rate))
