"""The worker in one process: what it does in a round, and what it survives."""

from threading import Thread

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma import jobs
from tpma.launches.models import LaunchState
from tpma.worker import handlers, loop
from tpma.worker.loop import Worker, settle


def test_a_round_without_work_says_so(db, system):
    assert Worker(system).round() == 0


def test_settling_brings_a_launch_to_its_end(db, session, system):
    launch = make.scheduled_launch(contacts=2)
    session.commit()
    settle(system)
    assert look.launch(db, launch.id).state is LaunchState.COLLECTING


def test_one_broken_part_does_not_stop_the_others(db, session, system, monkeypatch):
    launch = make.running_launch(contacts=2)
    session.commit()

    def broken(_system):
        raise RuntimeError("a bug")

    monkeypatch.setattr(loop.jobs, "run_due", broken)
    Worker(look.by(system, FakeMail())).round()
    assert look.states(db, launch.id) == ["accepted"] * 2


def test_a_job_that_fails_comes_back_and_the_loop_goes_on(db, session, system, clock):
    tries = []

    @jobs.handles("test.fails")
    def fails(_system):
        tries.append(1)
        raise RuntimeError("not yet")

    jobs.enqueue(session, "test.fails", clock())
    session.commit()
    settle(system)
    clock.forward(seconds=6)
    settle(system)
    assert len(tries) == 2


def test_stopped_it_finishes_its_batch_and_returns(db, session, system):
    launch = make.running_launch(contacts=4)
    session.commit()
    worker: list[Worker] = []

    def stop(_envelope):
        worker[0].stop()

    mail = FakeMail(stop)
    worker.append(Worker(look.by(system, mail)))
    running = Thread(target=worker[0].run)
    running.start()
    running.join(20)
    assert not running.is_alive()
    assert "submitting" not in look.states(db, launch.id)


def test_every_room_with_jobs_registers_them():
    handlers.load()
    assert {"launches.start", "launches.end", "sending.queue_step", "sending.notice"} <= set(
        jobs._handlers
    )


def test_a_sweep_runs_once_a_minute_and_one_that_fails_stops_no_other(system, clock, monkeypatch):
    swept = []

    def broken(_system):
        raise RuntimeError("a bug")

    def counting(_system):
        swept.append(clock())
        return 0

    monkeypatch.setattr(jobs, "_sweeps", {"test.broken": broken, "test.counts": counting})
    worker = Worker(system)
    for _round in range(3):
        worker.round()
    clock.forward(seconds=59)
    worker.round()
    clock.forward(seconds=1)
    worker.round()
    assert len(swept) == 2


def test_every_room_with_deadlines_is_swept_by_the_loop_and_by_celery():
    handlers.load()
    assert set(jobs._sweeps) >= {
        "kits.remind",
        "launches.end_with_kits",
        "leads.keep_deadlines",
        "deals.remind",
    }
    from tpma.worker import celery

    entry = celery.app.conf.beat_schedule["sweep"]
    assert (entry["task"], entry["schedule"]) == ("tpma.sweep", 60)
    assert "tpma.sweep" in celery.app.tasks
