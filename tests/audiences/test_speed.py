"""How fast a list comes in and in how much memory, against what reading it costs here and now.

Counted in CPU time, since others may be at work beside. Measured on two shared cores: 16,000 to
17,000 rows a second into SQLite with three tags a row, about 9,000 into PostgreSQL.
"""

import io
from pathlib import Path
from time import process_time

import pytest

from tests.audiences.conftest import Desk
from tests.factories.audiences import SIGNER
from tpma.audiences import staging
from tpma.audiences.models import ContactImport

# Round trips to a server are another measure.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
ROWS = 50_000
MEGABYTE = 1024  # in the kilobytes of /proc


def rows(most: int = ROWS) -> io.BytesIO:
    head = b"E-Mail;Vorname;Nachname;Firma;Land\n"
    line = b"ada.lovelace%d@harbor%d.com;Ada;Lovelace;Harbor Point;Germany\n"
    return io.BytesIO(head + b"".join(line % (n, n % 700) for n in range(most)))


def seconds_to_read(desk: Desk, found: ContactImport) -> float:
    """Reading, checking and hashing every row, and keeping none."""
    reader = staging._reader(found, SIGNER)
    started = process_time()
    for batch in staging._batches(found, desk.folder):
        for record in batch:
            reader.row(record)
    return process_time() - started


def test_fifty_thousand_rows_cost_at_most_eight_times_their_reading(desk: Desk):
    found = desk.confirmed(rows())
    reading = seconds_to_read(desk, found)
    started = process_time()
    done = desk.run(found)
    spent = process_time() - started
    assert done.contacts_added == ROWS
    assert spent < 8 * reading


def memory(field: str) -> int:
    """Kilobytes of this process: VmRSS now, VmHWM at its highest since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_ten_times_the_rows_take_no_more_memory(desk: Desk):
    desk.bring(rows(5_000))
    found = desk.confirmed(rows())
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the highest mark
    before = memory("VmRSS")
    desk.run(found)
    assert memory("VmHWM") - before < 25 * MEGABYTE  # all rows at once would be over 100
