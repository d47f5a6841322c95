"""The database server itself is restarted in the middle of a send; clocks jump.

The server is a private PostgreSQL cluster in a temporary folder, on a port of its own: nobody
else's database is touched.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail, FakePdf
from tests.sending.rehearsal import BATCH, Rehearsal
from tpma.core import schema
from tpma.core.clock import utc_now
from tpma.core.db import Database
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.launches.models import LaunchState
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import engine, recovery
from tpma.sending.models import SendState
from tpma.system import System
from tpma.worker.loop import Worker

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
NEEDED = ("initdb", "pg_ctl")


def _binaries():
    found = [place for place in PLACES if all((place / name).exists() for name in NEEDED)]
    own = shutil.which("initdb")
    return found[0] if found else Path(own).parent if own else None


class Cluster:
    """PostgreSQL of this test's own. As root the server runs as the user postgres, as it must."""

    def __init__(self, binaries, folder):
        self._binaries, self._folder = binaries, folder
        self._as = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
        self.start()

    @property
    def _data(self):
        return str(self._folder / "data")

    def _run(self, name, *given):
        done = subprocess.run(
            [*self._as, str(self._binaries / name), *given],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr

    def _control(self, deed, *given):
        self._run("pg_ctl", deed, "-D", self._data, "-w", *given)

    def start(self):
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        self._control("start", "-o", options, "-l", str(self._folder / "log"))

    def crash_and_start(self):
        """As if the machine had lost power: no session is asked, nothing is flushed, and what was
        committed has to come back from the log."""
        self._control("restart", "-m", "immediate", "-l", str(self._folder / "log"))

    def stop(self):
        self._control("stop", "-m", "immediate")


@pytest.fixture
def cluster():
    binaries = _binaries()
    if binaries is None:
        if os.environ.get("TPMA_TEST_REQUIRE"):
            pytest.fail("TPMA_TEST_REQUIRE is set and there is no initdb and pg_ctl of PostgreSQL")
        pytest.skip("NOT TESTED: a restart of the server needs initdb and pg_ctl of PostgreSQL")
    folder = Path(tempfile.mkdtemp(prefix="tpma-cluster-"))
    made = Cluster(binaries, folder)
    try:
        schema.upgrade(made.url)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


@pytest.fixture
def served(cluster, tmp_path, ses_process, processes):
    """As `stage`, over the private server."""
    settings = Settings(home=tmp_path, secret_key="test-secret", database_url=cluster.url)
    db = Database(cluster.url, utc_now)
    system = System(
        db=db,
        mail=FakeMail(),
        pdf=FakePdf(),
        signer=Signer("test-secret"),
        settings=settings,
        clock=utc_now,
    )
    ses_process.fresh()
    made = Rehearsal(system, cluster.url, ses_process, processes)
    yield made
    made.close()
    db.close()


def waited(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def crash(cluster, served):
    """The workers find out by themselves; the connections of whoever judges died as well."""
    cluster.crash_and_start()
    served.db.engine.dispose()


def test_a_restart_of_the_server_in_the_middle_costs_no_second_copy(cluster, served):
    launch_id = served.running(60)
    workers = [served.worker("work") for _worker in range(2)]
    waited(lambda: served.has_sent_more_than(12))
    crash(cluster, served)
    sent = len(served.simulator.accepted())
    assert sent < 60, "the restart came too late to be in the middle"
    waited(lambda: served.has_sent_more_than(sent + BATCH))  # the workers go on by themselves
    crash(cluster, served)
    waited(lambda: served.count(SendState.QUEUED) == 0)
    for worker in workers:
        served.kill(worker)
    served.hear()
    served.give_up()
    served.finish()
    served.judge(unconfirmed=4 * BATCH)  # two workers, two restarts
    recovery.tick(served.system)
    assert served.is_over(launch_id)


# --- clocks ----------------------------------------------------------------------------------


def jumps(clock, at, hours, also=lambda: None):
    """A provider at whose `at`th mail the clock jumps, between the intent and the answer."""
    seen = Counter()

    def script(_envelope):
        seen["mails"] += 1
        if seen["mails"] == at:
            clock.forward(hours=hours)
            also()
        return SendResult(Outcome.ACCEPTED, provider_id=f"p{seen['mails']}")

    return script


def sent_to_the_end(system, clock, launch_id):
    """Workers go on, and time does, until the launch is out; three hours at the most."""
    worker = Worker(system)
    for _ten_minutes in range(18):
        for _round in range(20):
            if not worker.round():
                break
        if look.launch(system.db, launch_id).state is LaunchState.COLLECTING:
            return
        clock.forward(minutes=10)


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("at", [1, 7])
def test_a_clock_that_jumps_between_intent_and_answer_costs_no_copy(
    db, session, system, clock, hours, at
):
    launch = make.running_launch(contacts=12)
    session.commit()
    mail = FakeMail(jumps(clock, at, hours))
    away = look.by(system, mail, send_batch=5)
    sent_to_the_end(away, clock, launch.id)
    assert Counter(one.rcpt_to for one in mail.asked).most_common(1)[0][1] == 1
    assert look.states(db, launch.id) == ["accepted"] * 12
    assert look.launch(db, launch.id).state is LaunchState.COLLECTING


def test_who_judges_by_a_clock_an_hour_ahead_takes_nothing_from_the_sender(
    db, session, system, clock
):
    """Another worker finds every lease over while a mail is under way; its answer still counts."""
    launch = make.running_launch(contacts=6)
    session.commit()
    mail = FakeMail()
    away = look.by(system, mail, send_batch=3)
    mail.script = jumps(clock, 2, 1, also=lambda: recovery.tick(away))
    sent_to_the_end(away, clock, launch.id)
    assert Counter(one.rcpt_to for one in mail.asked).most_common(1)[0][1] == 1
    assert look.states(db, launch.id) == ["accepted"] * 6


def test_a_worker_that_starts_by_a_clock_set_back_waits_and_sends_once(db, session, system, clock):
    """Leases and rates of an hour to come are waited for, not broken."""
    launch = make.running_launch(contacts=9)
    session.commit()
    mail = FakeMail()
    away = look.by(system, mail, send_batch=3)
    engine.drain(away, look.owner(), most_batches=1)
    clock.forward(hours=-1)
    sent_to_the_end(away, clock, launch.id)
    assert sorted(Counter(one.rcpt_to for one in mail.asked).values()) == [1] * 9
    assert look.states(db, launch.id) == ["accepted"] * 9
