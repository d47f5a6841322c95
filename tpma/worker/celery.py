"""The same work under Celery: a message carries an id or a hint, the database carries the work.

A lost or repeated message changes nothing: the beat finds due jobs again every second, and a job
or a chunk is leased by one worker at a time.

    celery -A tpma.worker.celery worker --beat
"""

from uuid import UUID, uuid4

from celery import Celery

from tpma import jobs
from tpma.core.settings import load
from tpma.sending import engine, following, provider, recovery, service
from tpma.sending.events import tending
from tpma.system import System
from tpma.wiring import started
from tpma.worker import handlers, loop

handlers.load()
app = Celery("tpma", broker=load().celery_broker or None)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    task_default_queue="tpma",
    broker_connection_retry_on_startup=True,
    beat_schedule={
        "relay": {"task": "tpma.relay", "schedule": 1.0, "options": {"expires": 5}},
        "drain": {"task": "tpma.drain", "schedule": 1.0, "options": {"expires": 5}},
        "recover": {"task": "tpma.recover", "schedule": 5.0, "options": {"expires": 10}},
        "listen": {"task": "tpma.listen", "schedule": 2.0, "options": {"expires": 5}},
        "sweep": {
            "task": "tpma.sweep",
            "schedule": jobs.SWEEP_EVERY.total_seconds(),
            "options": {"expires": 60},
        },
    },
)
_MOST_LOOKS = 100
_SENDING_A_TASK = 20.0  # seconds
_system: System | None = None
_owner = ""


def system() -> System:
    """One system a worker process; its connections are not shared over a fork."""
    global _system
    if _system is None:
        _system = started()
    return _system


def owner() -> str:
    """Names this process on the chunks it leases; drawn after the fork, so never a sibling's."""
    global _owner
    _owner = _owner or str(uuid4())
    return _owner


@app.task(name="tpma.relay")
def relay() -> None:
    """Hand due jobs to whichever worker is free."""
    for job_id in jobs.due(system(), most=100):
        run_job.delay(str(job_id))


@app.task(name="tpma.run_job")
def run_job(job_id: str) -> None:
    jobs.run(system(), UUID(job_id))


@app.task(name="tpma.drain")
def drain() -> None:
    following.release(system())
    engine.drain(system(), owner(), most_seconds=_SENDING_A_TASK)


@app.task(name="tpma.recover")
def recover() -> None:
    provider.refresh(system())
    recovery.tick(system())
    tending.tick(system())
    with system().db.transaction() as session:
        service.expire(session, system().clock())


@app.task(name="tpma.listen")
def listen() -> None:
    """Empty the event queue. Short waits: this holds one of the workers."""
    for _look in range(_MOST_LOOKS):
        if not loop.listen(system(), wait_s=1):
            return


@app.task(name="tpma.sweep")
def sweep() -> None:
    jobs.sweep(system())
