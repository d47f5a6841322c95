"""The truth about acceptances: one line a recipient, on disk before the answer leaves.

A thread writes and syncs whatever has gathered while the last sync ran (group commit), so many
answers share one sync and none leaves before its line is safe. A line torn by a power cut was
never answered and is cut off at the next start.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

_MOST_AT_ONCE = 2_000
_SINK_BUFFER = 1 << 16


class _Append(NamedTuple):
    lines: bytes
    raw: bytes
    done: asyncio.Future[None]


class HomeTaken(OSError):
    """Two simulators would write one journal."""


class Journal:
    def __init__(self, home: Path, *, durable: bool = True, keep_raw: bool = False) -> None:
        self.path = home / "journal.jsonl"
        self._raw_path = home / "raw.bin"
        self._durable = durable
        self._keep_raw = keep_raw
        self._queue: SimpleQueue[_Append | None] = SimpleQueue()
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._writer: threading.Thread | None = None
        self._broken: OSError | None = None  # after a half-written line nothing may follow it
        self.lines = 0
        self.commits = 0

    def open(self) -> list[float]:
        """Take the file, cut a torn tail off; answer the moments of acceptance found."""
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - as long as the process
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            self._file.close()
            raise HomeTaken(f"{self.path} is in use by another simulator") from taken
        self._raw = open(self._raw_path, "ab", buffering=0)  # noqa: SIM115
        self._raw_end = self._raw.tell()
        self._cut_torn_tail()
        moments = [float(line["at"]) for line in self.read()]
        self.lines = len(moments)
        if self._durable:
            self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
            self._writer.start()
        return moments

    def _cut_torn_tail(self) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(whole)

    async def append(self, entries: list[dict[str, Any]], raw: bytes) -> None:
        """Return when the entries are on disk (at once, for a sink)."""
        place = {"raw_at": self._raw_end} if self._keep_raw else {}
        lines = b"".join(_line({"n": self.lines + i, **e, **place}) for i, e in enumerate(entries))
        self.lines += len(entries)
        if self._keep_raw:
            self._raw_end += len(raw)
        if not self._durable:
            self._gather(lines, raw)
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put(_Append(lines, raw if self._keep_raw else b"", done))
        await done

    def _gather(self, lines: bytes, raw: bytes) -> None:
        if self._keep_raw:
            self._raw.write(raw)
        self._gathered.append(lines)
        self._gathered_bytes += len(lines)
        if self._gathered_bytes > _SINK_BUFFER:
            self.flush()

    def flush(self) -> None:
        """Give a sink's lines to the file; nothing to do when durable."""
        lines, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if lines:
            self._file.write(b"".join(lines))

    def _write(self) -> None:
        """The thread: take what has gathered, write, sync, tell."""
        while (first := self._queue.get()) is not None:
            batch = [first]
            closing = False
            with contextlib.suppress(Empty):
                while len(batch) < _MOST_AT_ONCE:
                    following = self._queue.get_nowait()
                    if following is None:
                        closing = True
                        break
                    batch.append(following)
            self._commit_batch(batch)
            if closing:
                return

    def _commit_batch(self, batch: list[_Append]) -> None:
        try:
            if self._broken:
                raise self._broken
            if raw := b"".join(each.raw for each in batch):
                _write_all(self._raw.fileno(), raw)
                os.fdatasync(self._raw.fileno())
            _write_all(self._file.fileno(), b"".join(each.lines for each in batch))
            os.fdatasync(self._file.fileno())
        except OSError as error:
            self._broken = error
        self.commits += 1
        loop = batch[0].done.get_loop()
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(_tell, [each.done for each in batch], self._broken)

    def read(self, offset: int = 0, most: int = 1 << 40) -> Iterator[dict[str, Any]]:
        self.flush()
        with self.path.open("rb") as file:
            file.seek(offset)
            for _ in range(most):
                line = file.readline()
                if not line.endswith(b"\n"):
                    return
                yield json.loads(line)

    def page(self, offset: int, most: int) -> tuple[list[dict[str, Any]], int]:
        """Lines from a byte offset on, and the offset to go on from."""
        self.flush()
        found: list[dict[str, Any]] = []
        with self.path.open("rb") as file:
            file.seek(offset)
            while len(found) < most and (line := file.readline()).endswith(b"\n"):
                found.append(json.loads(line))
                offset += len(line)
        return found, offset

    def raw(self, message_id: str) -> bytes | None:
        """The bytes that were accepted, if they are kept."""
        for line in self.read():
            if line["message_id"] == message_id and "raw_at" in line:
                with self._raw_path.open("rb") as file:
                    file.seek(line["raw_at"])
                    return file.read(line["bytes"])
        return None

    def close(self) -> None:
        if self._writer:
            self._queue.put(None)
            self._writer.join(5)
        self.flush()
        self._file.close()
        self._raw.close()


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _tell(waiting: list[asyncio.Future[None]], failure: OSError | None) -> None:
    for future in waiting:
        if future.cancelled():
            continue
        if failure:
            future.set_exception(failure)
        else:
            future.set_result(None)
