"""From segments into the database: events, marks, figures and the offset in one transaction.

Because the offset is committed with the events, a loader may die at any moment, and two may meet:
no hit is lost or stored twice. One loader a folder works at a time (`segments.elected`); any
process that has one takes over when it dies, and takes on segments whose writer is gone.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tpma.core.db import clock_of, upsert
from tpma.core.log import logger
from tpma.system import System
from tpma.tracking import counting, segments, service
from tpma.tracking.hits import Hit
from tpma.tracking.models import EventSegment

_log = logger("tracking")
_BATCH = 500  # hits a transaction: others wait for its lock, and its thread takes their time
_SYNC_EVERY = 0.1  # seconds: what a power cut can take at most
_GATHER = 0.25  # seconds a loader lets hits come together
_LOOK_EVERY = 0.5  # seconds between two looks at other processes' segments
_KEEP_ROWS = timedelta(days=1)  # of segments that are gone
_SHARE = 4  # while people come the loader works one part of the time of this many
_PATIENCE = timedelta(seconds=20)  # of who looks at the figures: older hits are loaded at once

Rest = Callable[[float, datetime], object]  # told how long a part took, and when it was hit


def folder_of(system: System) -> Path:
    return system.settings.home / "events"


def catch_up(
    system: System,
    known: dict[str, int] | None = None,
    rest: Rest = lambda _seconds, _at: None,
) -> int:
    """Load all that the folder holds now; how many hits that were.

    For doors whose caller wants to see what has just been clicked. `known` is the caller's memory
    of sizes loaded before, so that a segment with nothing new costs no transaction. `rest` is
    called between transactions.
    """
    sizes = {} if known is None else known
    paths = segments.all_in(folder_of(system))
    for gone in sizes.keys() - {path.name for path in paths}:
        del sizes[gone]
    return sum(_load_all(system, path, sizes, rest) for path in paths)


def _load_all(system: System, path: Path, sizes: dict[str, int], rest: Rest) -> int:
    """Load a segment to its present end, and delete it if there will be no more."""
    loaded = 0
    with segments.ended(path) as is_over:
        if not is_over and segments.size(path) == sizes.get(path.name):
            return 0
        is_done = False
        while not is_done:
            begun = time.monotonic()
            hits, is_done = _load_part(system, path, sizes, is_over=is_over)
            loaded += len(hits)
            if hits and not is_done:
                rest(time.monotonic() - begun, hits[-1].visit.at)
        if is_over:
            segments.remove(path)
    return loaded


def _load_part(
    system: System, path: Path, sizes: dict[str, int], *, is_over: bool
) -> tuple[Sequence[Hit], bool]:
    """One transaction; its hits, and whether that was all."""
    with system.db.transaction() as session:
        _be_polite(session)
        row = _segment(session, path.name)
        if row.finished_at is not None or not path.exists():
            return (), True
        part = segments.read(path, row.offset, _BATCH)
        sizes[path.name] = part.until
        if part.until == row.offset:
            if is_over:
                _finish(session, row)
            return (), True
        _store(session, part.hits)
        if part.spoilt:
            _log.error("lines of a segment are spoilt", segment=path.name, number=part.spoilt)
        row.offset = part.until
    return part.hits, False


def _be_polite(session: Session) -> None:
    """Rather give up and come again than be part of a deadlock: a batch locks many mails, and
    PostgreSQL looks for deadlocks after a second."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL lock_timeout = '700ms'"))


def _segment(session: Session, name: str) -> EventSegment:
    """The row of a segment, locked."""
    session.execute(
        upsert(session, EventSegment).values(name=name, offset=0).on_conflict_do_nothing()
    )
    return session.scalars(
        select(EventSegment).where(EventSegment.name == name).with_for_update()
    ).one()


def _finish(session: Session, row: EventSegment) -> None:
    now = clock_of(session)()
    row.finished_at = now
    session.execute(delete(EventSegment).where(EventSegment.finished_at < now - _KEEP_ROWS))


def _store(session: Session, hits: Sequence[Hit]) -> None:
    """All of them; where one cannot be stored it is left out, said so, and holds up no other."""
    try:
        with session.begin_nested():
            service.write(session, hits, counting.LOADER)
    except OperationalError:
        raise
    except Exception:
        if len(hits) == 1:
            _log.exception("hit left out", kind=hits[0].kind.value)
            return
        middle = len(hits) // 2
        _store(session, hits[:middle])
        _store(session, hits[middle:])


class Loader:
    """Two threads of a process: one syncs its segment, the other loads the folder."""

    def __init__(self, system: System, writer: segments.Writer | None = None) -> None:
        self._system = system
        self._writer = writer
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sizes: dict[str, int] = {}

    def start(self) -> None:
        work: list[tuple[str, Callable[[], None]]] = [("hits-load", self._keep_loading)]
        if self._writer is not None:
            work.append(("hits-sync", self._keep_syncing))
        for name, target in work:
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def wake(self) -> None:
        if not self._woken.is_set():
            self._woken.set()

    def stop(self) -> None:
        """What was hit so far is loaded before this returns, unless the database is in trouble."""
        self._stopping.set()
        self._woken.set()
        for thread in self._threads:
            thread.join()
        if self._writer is not None:
            self._writer.close()
        self._try(lambda: catch_up(self._system))

    def _keep_syncing(self) -> None:
        while not self._stopping.wait(_SYNC_EVERY):
            assert self._writer is not None
            self._try(self._writer.sync)

    def _keep_loading(self) -> None:
        """A folder that cannot be written has no segments: hits go to the database at once."""
        while not self._stopping.is_set():
            with segments.elected(folder_of(self._system)) as is_elected:
                while is_elected and not self._stopping.is_set():
                    self._woken.wait(_LOOK_EVERY)
                    self._stopping.wait(_GATHER)
                    self._woken.clear()
                    self._try(self._load)
            self._stopping.wait(_LOOK_EVERY)

    def _load(self) -> int:
        return catch_up(self._system, self._sizes, self._rest)

    def _rest(self, seconds: float, at: datetime) -> None:
        """Who is clicking goes before who looks at the figures: what is written down is safe."""
        if self._system.clock() - at < _PATIENCE:
            self._stopping.wait(seconds * (_SHARE - 1))

    def _try(self, part: Callable[[], object]) -> None:
        try:
            part()
        except OperationalError as error:
            _log.warning("hits wait in their file", why=str(error.orig).splitlines()[0])
        except Exception:  # a door: the loop outlives any one failure, and says so
            _log.exception("hits cannot be loaded")
