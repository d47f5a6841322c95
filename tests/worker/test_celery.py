"""The same launch through a real Celery worker and a real Redis."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tpma.core.clock import utc_now
from tpma.core.db import Database
from tpma.launches.models import LaunchState

ROOT = Path(__file__).parents[2]
BROKER = os.environ.get("TPMA_TEST_REDIS", "redis://127.0.0.1:6379") + "/13"
pytestmark = pytest.mark.crash


@pytest.fixture
def broker():
    """A database of Redis for this test alone, empty before and after."""
    server = redis.Redis.from_url(BROKER, socket_connect_timeout=2)
    try:
        server.flushdb()
    except redis.ConnectionError:
        if os.environ.get("TPMA_TEST_REQUIRE"):
            pytest.fail("TPMA_TEST_REQUIRE is set and Redis does not answer")
        pytest.skip("NOT RUN: Redis does not answer at " + BROKER)
    yield BROKER
    server.flushdb()
    server.close()


@pytest.fixture
def worker(broker, system, tmp_path):
    environment = os.environ | {
        "TPMA_HOME": str(tmp_path),
        "TPMA_DATABASE_URL": system.db.url,
        "TPMA_SECRET_KEY": "test-secret",
        "TPMA_CELERY_BROKER": broker,
        "PYTHONPATH": str(ROOT),
    }
    command = [
        sys.executable, "-m", "celery", "-A", "tpma.worker.celery", "worker", "--beat",
        "--pool", "solo", "--loglevel", "warning", "--schedule", str(tmp_path / "beat"),
    ]  # fmt: skip
    with (tmp_path / "celery.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    yield process
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_a_launch_goes_out_through_celery(db, system, worker, tmp_path):
    real = replace(system, db=Database(db.url, utc_now), clock=utc_now)
    with real.db.transaction() as session:
        factories.bind(session)
        launch_id = make.scheduled_launch(contacts=5).id
    limit = time.monotonic() + 45
    while look.launch(real.db, launch_id).state is not LaunchState.COLLECTING:
        told = (tmp_path / "celery.log").read_text()[-3000:]
        assert time.monotonic() < limit, told
        assert worker.poll() is None, told
        time.sleep(0.2)
    real.db.close()
    assert look.states(db, launch_id) == ["accepted"] * 5
    assert len(list(system.settings.outbox_folder.glob("new/*.eml"))) == 5
