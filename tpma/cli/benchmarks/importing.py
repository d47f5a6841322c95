"""A list of contacts coming in, against reading and checking its rows and keeping none."""

import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

from tpma.audiences import importing, staging
from tpma.audiences.models import ContactImport, ImportState
from tpma.cli.benchmarks import memory, world
from tpma.cli.benchmarks.rows import Row
from tpma.core.errors import Conflict

_MOST_MEMORY = 200.0  # megabytes
_GOAL = {"sqlite": 0.2, "postgresql": 0.1}
_MOST_BYTES = 1 << 30


def rows(quick: bool) -> Iterator[Row]:
    people = 5_000 if quick else 1_000_000
    for dialect in world.dialects():
        with world.opened(dialect, 0) as made:
            yield from _rows(made, dialect, people)


def _rows(made: world.World, dialect: str, people: int) -> Iterator[Row]:
    """Seconds of the wall: what a database server does in its own process counts too. The
    import's process is a worker's, so that its memory is its own."""
    folder = importing.folder_in(made.home)
    received = importing.receive(_list(people), "people.csv", folder, _MOST_BYTES)
    with made.system.db.transaction() as session:
        who = world.somebody(session, made)
        found = importing.upload(session, who, made.tenant_id, received)
        importing.start(
            session, who, found, mapping={int(n): field for n, field in found.mapping.items()},
            basis="consent", consent_source="Asked at the counter of the shop",
        )  # fmt: skip
    reading = _seconds_to_read(made, found, folder)
    settings = made.system.settings.model_dump_json()
    with ProcessPoolExecutor(1, get_context("spawn")) as worker:
        state, spent, peak = worker.submit(_import, settings, folder, found.id).result()
    if state is not ImportState.DONE:
        raise Conflict(f"The list ended as {state.value}.")
    what = f"Import of {people:,} contacts ({dialect})"
    yield Row(
        f"{what}, against reading and checking them", "rows/s",
        people / spent, people / reading, reading / spent, _GOAL[dialect],
    )  # fmt: skip
    yield Row(
        f"{what}, memory at its peak", "MB",
        peak, _MOST_MEMORY, peak / _MOST_MEMORY, 1, at_most=True,
    )  # fmt: skip


def _import(settings: str, folder: Path, import_id: UUID) -> tuple[ImportState, float, float]:
    """How it ended, its seconds, and the megabytes of this process at their highest."""
    system, begun = world.system_of(settings), time.perf_counter()
    state = staging.run(system.db, system.signer, folder, import_id)
    spent = time.perf_counter() - begun
    return state, spent, memory.megabytes(os.getpid(), "VmHWM")


def _list(people: int) -> io.BytesIO:
    """A twentieth are there twice, a hundredth have no address."""
    out = io.BytesIO()
    out.write(b"E-Mail;Vorname;Nachname;Firma;Land\n")
    for n in range(people):
        number = n - 1 if n % 20 == 19 else n
        address = b"nobody" if n % 100 == 50 else b"ada.lovelace%d@harbor%d.com" % (number, n % 700)
        if n % 20 == 19 and n % 100 != 50:
            address = b"ada.lovelace%d@harbor%d.com" % (number, number % 700)
        out.write(address + b";Ada;Lovelace;Harbor Point;Germany\n")
    out.seek(0)
    return out


def _seconds_to_read(made: world.World, found: ContactImport, folder: Path) -> float:
    begun = time.perf_counter()
    for _record in staging.checked(found, made.system.signer, folder):
        pass
    return time.perf_counter() - begun
