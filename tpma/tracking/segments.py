"""Files that hits are appended to, so that no reader waits for the database.

A process appends to a segment of its own and holds a lock on it as long as it does; who gets the
lock knows that nothing more will be written. A name is never used twice. Segments are private to
us (0600) and short-lived: they hold the visitor's address, of which the database keeps the network.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from uuid import uuid4

from tpma.tracking.hits import Hit, line, parsed

SUFFIX = ".hits"
MOST_BYTES = 8 * 1024 * 1024
MOST_SECONDS = 300.0  # then a new file is begun, and this one can be deleted
_READ = 1024 * 1024  # bytes at a time: some 5,000 hits


class _Segment:
    """An open file, synced and closed when the last thread that writes to it has let go of it."""

    def __init__(self, file: int, begun: float) -> None:
        self.file, self.pid, self.begun = file, os.getpid(), begun
        self.size = 0  # about: threads add to it without a lock
        self.is_dirty = False

    def __del__(self) -> None:
        if self.is_dirty and self.pid == os.getpid():
            os.fdatasync(self.file)
        os.close(self.file)  # a child closes its copy; the parent's lock stays


class Writer:
    """Appends hits to this process's segment. After a fork the child begins one of its own.

    No lock is held while a line is written: the kernel appends each as a whole, and a thread that
    waits for the interpreter with a lock in its hand lets all others wait with it.
    """

    def __init__(self, folder: Path, elapsed: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._elapsed = elapsed
        self._lock = Lock()  # for beginning and ending segments
        self._now: _Segment | None = None

    def append(self, hit: Hit) -> None:
        """Written when this returns: a killed process loses nothing of it, a power cut what was not
        yet synced. Raises OSError if the folder cannot be written."""
        text = b"\n" + line(hit)  # a full disk may have left half a line, which must not spoil this
        segment = self._open()
        written = os.write(segment.file, text)
        segment.size += written
        segment.is_dirty = True
        if written < len(text):
            raise OSError(f"{self.folder}: a hit was written in part only")

    def _open(self) -> _Segment:
        found = self._now
        if found is not None and not self._is_over(found):
            return found
        with self._lock:
            found = self._now
            if found is None or self._is_over(found):
                found = self._now = _Segment(_begun(self.folder), self._elapsed())
            return found

    def _is_over(self, segment: _Segment) -> bool:
        is_ours = segment.pid == os.getpid()
        is_full = segment.size >= MOST_BYTES or self._elapsed() - segment.begun >= MOST_SECONDS
        return is_full or not is_ours

    def sync(self) -> None:
        """Bring what was appended to the disk; and end a segment that is old."""
        segment = self._now
        if segment is None or segment.pid != os.getpid():
            return
        is_dirty, segment.is_dirty = segment.is_dirty, False
        if self._elapsed() - segment.begun >= MOST_SECONDS:
            self._end(segment)
        if is_dirty:
            os.fdatasync(segment.file)

    def _end(self, segment: _Segment) -> None:
        with self._lock:
            if self._now is segment:
                self._now = None

    def close(self) -> None:
        self._now = None


def _begun(folder: Path) -> int:
    """A new file, locked before anybody can see it under its name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{os.getpid()}-{uuid4().hex}"
    draft = folder / f"{name}.new"
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(folder / f"{name}{SUFFIX}")
    except OSError:
        os.close(file)
        raise
    return file


def all_in(folder: Path) -> list[Path]:
    """Oldest first, as far as their dates tell."""
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # deleted by another loader meanwhile
            found.append((path.stat().st_mtime, path))
    return [path for _changed, path in sorted(found)]


def size(path: Path) -> int:
    """Bytes; 0 for one that is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True, slots=True)
class Part:
    """Hits of a segment from an offset on; `until` is where the next part begins."""

    hits: list[Hit]
    until: int
    spoilt: int  # lines that are none


def read(path: Path, offset: int, most: int) -> Part:
    """At most so many hits, each after an empty line. A line without its end is not read: it may
    still be written."""
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(_READ)
    lines = block[: block.rfind(b"\n") + 1].splitlines(keepends=True)[: 2 * most]
    found = [parsed(raw) for raw in lines if raw != b"\n"]
    hits = [hit for hit in found if hit is not None]
    return Part(hits, offset + sum(map(len, lines)), len(found) - len(hits))


@contextmanager
def ended(path: Path) -> Iterator[bool]:
    """Whether nobody writes to it any more; nobody will."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(file)


def remove(path: Path) -> None:
    """Delete a segment for good: a file that came back after a power cut would be read again."""
    path.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def elected(folder: Path) -> Iterator[bool]:
    """Whether we are the one loader of this folder, for as long as the block lasts.

    Two at once would do no harm, and twice the work."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(folder / "loader.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        yield False
        return
    try:
        yield True
    finally:
        os.close(file)
