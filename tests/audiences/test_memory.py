"""A long list needs no more memory than a short one. How fast it comes in: `tpma bench`."""

import io
import sys
from pathlib import Path

import pytest

from tests.audiences.conftest import Desk

# Round trips to a server are another measure.
pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)
ROWS = 50_000
MEGABYTE = 1024  # in the kilobytes of /proc


def rows(most: int = ROWS) -> io.BytesIO:
    head = b"E-Mail;Vorname;Nachname;Firma;Land\n"
    line = b"ada.lovelace%d@harbor%d.com;Ada;Lovelace;Harbor Point;Germany\n"
    return io.BytesIO(head + b"".join(line % (n, n % 700) for n in range(most)))


def memory(field: str) -> int:
    """Kilobytes of this process: VmRSS now, VmHWM at its highest since the last reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))


@pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: only Linux tells the peak")
def test_ten_times_the_rows_take_no_more_memory(desk: Desk):
    desk.bring(rows(5_000))
    found = desk.confirmed(rows())
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the highest mark
    before = memory("VmRSS")
    desk.run(found)
    assert memory("VmHWM") - before < 25 * MEGABYTE  # all rows at once would be over 100
