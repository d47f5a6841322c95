"""Resident memory of `tpma serve`, web and worker in one process: idle, and in the midst of a send.

Also of an import, whose rows must not all be held at once.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

from tpma.cli.benchmarks import sinks, world
from tpma.cli.benchmarks.rows import Row
from tpma.cli.benchmarks.world import World
from tpma.core.errors import Conflict
from tpma.sending.models import Message, SendState

_IDLE, _SENDING = 120.0, 250.0  # megabytes
_PATIENCE = 120.0


def rows(quick: bool) -> Iterator[Row]:
    for people in (500,) if quick else (10_000, 1_000_000):
        with (
            world.opened("sqlite", people) as made,
            sinks.ses() as port,
            _serving(made, port) as it,
        ):
            idle = megabytes(it, "VmRSS")
            world.plan(made)
            world.queue(made)
            most = _while_sending(made, it, min(people, 300 if quick else 10_000))
        yield _at_most(f"Memory, sending to {people:,} recipients", most, _SENDING)
    yield _at_most("Memory, idle", idle, _IDLE)


def _at_most(what: str, megabytes: float, most: float) -> Row:
    return Row(what, "MB", megabytes, most, megabytes / most, 1, at_most=True)


@contextmanager
def _serving(made: World, port: int) -> Iterator[int]:
    """The process id of a `tpma serve` that has shown its first page's worth of start-up."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "TPMA_HOME": str(made.home),
        "TPMA_DATABASE_URL": made.system.db.url,
        "TPMA_SECRET_KEY": "bench",
        "TPMA_MAIL": "ses",
        "TPMA_PORT": str(_free_port()),
    }
    command = [sys.executable, "-m", "tpma", "serve"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        try:
            process.stdout.readline()  # it says where it is
            time.sleep(3)
            yield process.pid
        finally:
            process.terminate()
            process.stdout.read()


def _free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def megabytes(pid: int, field: str) -> float:
    """A line of what the system says of a process: VmRSS now, VmHWM the most it was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) / 1024


def _while_sending(made: World, pid: int, mails: int) -> float:
    """The highest mark once so many mails have left."""
    end = time.monotonic() + _PATIENCE
    left = select(func.count()).where(Message.send_state == SendState.ACCEPTED)
    while True:
        with made.system.db.reading() as session:
            if (session.scalar(left) or 0) >= mails:
                return megabytes(pid, "VmHWM")
        if time.monotonic() > end:
            raise Conflict(f"{mails} mails did not leave within {_PATIENCE:.0f} s.")
        time.sleep(0.5)
