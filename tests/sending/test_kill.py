"""kill -9, at random moments, again and again: everybody gets one mail, nobody two, nobody none."""

import email
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from email.policy import default as modern
from pathlib import Path

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tpma.audiences.models import Contact
from tpma.core.clock import utc_now
from tpma.core.db import Database
from tpma.launches.models import LaunchState
from tpma.sending.models import OutboxMail
from tpma.worker.loop import settle

pytestmark = pytest.mark.crash
PEOPLE = 200
KILLS = 10
ROOT = Path(__file__).parents[2]


@pytest.fixture
def real(db, system, tmp_path):
    """The system on the real clock, as the killed workers see it."""
    database = Database(db.url, utc_now)
    settings = system.settings.model_copy(update={"lease_seconds": 1, "poll_seconds": 0.05})
    yield replace(system, db=database, clock=utc_now, settings=settings)
    database.close()


def _environment(system):
    return os.environ | {
        "TPMA_HOME": str(system.settings.home),
        "TPMA_DATABASE_URL": system.db.url,
        "TPMA_SECRET_KEY": "test-secret",
        "TPMA_LEASE_SECONDS": "1",
        "TPMA_POLL_SECONDS": "0.05",
        "TPMA_SEND_BATCH": "5",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def nursery(real):
    """A process that makes workers to order; its own end is the end of its last worker too."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sending.killed"],
        cwd=ROOT,
        env=_environment(real),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    yield process
    os.killpg(process.pid, signal.SIGKILL)  # of its own session: itself and what it made
    process.wait(10)
    process.stdin.close()
    process.stdout.close()


def _files(system):
    return list(system.settings.outbox_folder.glob("new/*.eml"))


def _kill_in_the_middle(system, nursery, chance):
    """Wait until a new worker has sent something, then kill it at a moment of chance."""
    before = len(_files(system))
    nursery.stdin.write("one more\n")
    nursery.stdin.flush()
    worker = int(nursery.stdout.readline())
    limit = time.monotonic() + 20
    while len(_files(system)) == before and time.monotonic() < limit:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.01))
    os.kill(worker, signal.SIGKILL)


def _run_to_the_end(system, launch_id):
    limit = time.monotonic() + 40
    while look.launch(system.db, launch_id).state is LaunchState.RUNNING:
        assert time.monotonic() < limit, look.states(system.db, launch_id)
        settle(system)
        time.sleep(0.2)


@pytest.mark.parametrize("seed", [1])
def test_killed_again_and_again_everybody_gets_exactly_one_mail(real, nursery, seed):
    chance = random.Random(seed)
    with real.db.transaction() as session:
        factories.bind(session)
        launch_id = make.running_launch(contacts=PEOPLE).id
    kills = 0
    while kills < KILLS and len(_files(real)) < PEOPLE - 20:
        _kill_in_the_middle(real, nursery, chance)
        kills += 1
    assert kills == KILLS, "the launch was over before it could be killed often enough"
    _run_to_the_end(real, launch_id)

    sent = [email.message_from_bytes(file.read_bytes(), policy=modern) for file in _files(real)]
    addresses = Counter(mail["To"].addresses[0].addr_spec for mail in sent)
    with real.db.reading() as session:
        people = set(session.scalars(select(Contact.email)))
        indexed = set(session.scalars(select(OutboxMail.provider_id)))
    assert (len(sent), len(addresses), set(addresses)) == (PEOPLE, PEOPLE, people)
    assert look.states(real.db, launch_id) == ["accepted"] * PEOPLE
    assert {m.provider_id for m in look.messages(real.db, launch_id)} == {
        file.stem for file in _files(real)
    }
    assert indexed == {file.stem for file in _files(real)}
    assert look.launch(real.db, launch_id).state is LaunchState.COLLECTING
