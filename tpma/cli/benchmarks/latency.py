"""Waiting: for the first mail, and for a provider that is far away."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

from sqlalchemy import select

from tpma import jobs
from tpma.cli.benchmarks import sinks, world
from tpma.cli.benchmarks.rows import Row
from tpma.cli.benchmarks.world import World
from tpma.core.clock import utc_now
from tpma.core.errors import Conflict
from tpma.core.settings import Settings
from tpma.sending import engine
from tpma.sending.models import Message, SendState
from tpma.system import System
from tpma.worker.loop import Worker

_FAR_MS = 80
_TURN = 100  # mails
_MOST_A_SECOND = 100  # of a worker: eight threads that wait for 80 ms
_PATIENCE = 30.0


def rows(quick: bool) -> Iterator[Row]:
    for dialect in world.dialects():
        with world.opened(dialect, 10) as made, sinks.ses() as port:
            world.plan(made)
            seconds = _first_mail(made, made.with_endpoint(port))
        yield Row(
            f"First mail after the launch is committed ({dialect})", "s",
            seconds, 1, seconds, 1, at_most=True,
        )  # fmt: skip
    yield _two_workers(3.0 if quick else 15.0)


def _first_mail(made: World, system: System) -> float:
    """From the commit that starts it to the first mail taken, by an idle worker beside."""
    worker = Worker(system)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        time.sleep(2 * system.settings.poll_seconds)
        with system.db.transaction() as session:
            jobs.enqueue(
                session, "sending.queue_step", utc_now(), launch_id=str(made.launch_id), step=1
            )
        begun = time.perf_counter()
        while not _accepted(system):
            if time.perf_counter() - begun > _PATIENCE:
                raise Conflict("No mail left.")
            time.sleep(0.005)
        return time.perf_counter() - begun
    finally:
        worker.stop()
        thread.join()


def _accepted(system: System) -> bool:
    first = select(Message.id).where(Message.send_state == SendState.ACCEPTED).limit(1)
    with system.db.reading() as session:
        return session.scalar(first) is not None


def _two_workers(seconds: float) -> Row:
    """Each a process, as workers are; on PostgreSQL if it answers."""
    dialect = world.dialects()[-1]
    with (
        world.opened(dialect, int(3 * seconds * _MOST_A_SECOND) + 10 * _TURN) as made,
        sinks.ses(_FAR_MS) as port,
        ProcessPoolExecutor(2, get_context("spawn")) as workers,
    ):
        world.plan(made)
        world.queue(made)
        chosen = made.with_endpoint(port, send_batch=_TURN).settings
        _rate(workers, chosen, 2, 1.0)  # a worker of some age
        one = _rate(workers, chosen, 1, seconds)
        both = _rate(workers, chosen, 2, seconds)
    return Row(
        f"Two workers, a provider {_FAR_MS} ms away ({dialect}), against one", "mails/s",
        both, one, both / one, 1.8,
    )  # fmt: skip


def _rate(workers: Executor, settings: Settings, number: int, seconds: float) -> float:
    """Mails a second of so many workers at once, each over its own time."""
    work = [workers.submit(_work, settings, seconds) for _worker in range(number)]
    return sum(one.result() for one in work)


def _work(settings: Settings, seconds: float) -> float:
    system, begun = world.system_of(settings.model_dump_json()), time.perf_counter()
    sent = engine.drain(system, str(os.getpid()), most_seconds=seconds)
    return sent / (time.perf_counter() - begun)
