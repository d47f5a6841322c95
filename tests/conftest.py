"""Real databases, real commits: a SQLite file always, PostgreSQL too where it answers."""

import gc
import os
import random
import shutil
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests import databases, factories
from tests.factories.kept import Switch
from tests.fakes import FakePdf
from tpma.adapters.mail_outbox import OutboxMail
from tpma.core import log
from tpma.core.db import Database
from tpma.core.schema import upgrade
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.identity import passwords
from tpma.system import System

pytest.register_assert_rewrite("tests.sending.rehearsal")
log.configure("text")
if Path("/dev/shm").is_dir():  # SQLite syncs every commit; in memory that costs nothing
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")
if sys.dont_write_bytecode:  # no __pycache__ in the tree is wanted: then it lies elsewhere
    # Else every worker, and every process a test starts, compiles everything again: half a minute
    # to collect the tests, two seconds to start a `tpma`.
    sys.pycache_prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    sys.dont_write_bytecode = False
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
POSTGRES = os.environ.get("TPMA_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432")


# What takes longest goes first, so that no worker is left with it when the others are done.
# (xdist itself puts groups before single tests: the wheel, the browser, the demo.)
LONGEST_FIRST = (
    "tests/wheel/",
    "tests/journeys/",
    "tests/sending/test_crashes.py",
    "tests/sending/test_disorder.py",
    "tests/sending/test_kill.py",
    "tests/worker/test_celery.py",
    "tests/sending/test_walks.py",
    "tests/cli/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        begins = (n for n, path in enumerate(LONGEST_FIRST) if item.nodeid.startswith(path))
        return next(begins, len(LONGEST_FIRST))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Eleven thousand tests and all that was imported stay to the end: no use to count them over
    each time the collector looks for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test patches, it may patch in what it begins with: that is built for it alone."""
    Switch.on = "monkeypatch" not in getattr(item, "fixturenames", ())


class TestClock:
    """A clock that stands still until a test moves it."""

    __test__ = False

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def _postgres_answers() -> bool:
    engine = create_engine(f"{POSTGRES}/postgres", connect_args={"connect_timeout": 2})
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()


HAS_POSTGRES = _postgres_answers()
if not HAS_POSTGRES and os.environ.get("TPMA_TEST_REQUIRE"):
    raise pytest.UsageError("TPMA_TEST_REQUIRE is set and PostgreSQL does not answer")


def _redis_answers() -> bool:
    try:
        socket.create_connection(("127.0.0.1", 6379), timeout=1).close()
    except OSError:
        return False
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not HAS_POSTGRES:
        terminalreporter.write_line("NOT RUN ON POSTGRESQL: no server answers at " + POSTGRES)
    if not shutil.which("chromium") and not os.environ.get("TPMA_TEST_CHROMIUM"):
        terminalreporter.write_line("NOT RUN IN A BROWSER: there is no chromium on this machine")
    if not _redis_answers():
        terminalreporter.write_line("NOT RUN ON CELERY: no Redis answers at 127.0.0.1:6379")


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """The product's own, while tests hash by the same algorithm with parameters they can afford."""
    real = passwords._hasher
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield real
    passwords._hasher = real


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One database made by the real migrations; each test gets a copy of the file."""
    path = tmp_path_factory.mktemp("db") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Server]:
    """A database of this test process alone, made by the real migrations."""
    if not HAS_POSTGRES:
        pytest.skip("PostgreSQL does not answer")
    name = f"tpma_test_{os.getpid()}"
    admin = create_engine(f"{POSTGRES}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
        # A test's data need not survive a power cut.
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    upgrade(f"{POSTGRES}/{name}")
    server = databases.Server(f"{POSTGRES}/{name}")
    yield server
    server.close()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> Iterator[Database]:
    """An empty, migrated database; a test that takes it runs once on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "tpma.db"
        path.write_bytes(request.getfixturevalue("migrated").read_bytes())
        lent = databases.files().lent(path, clock)
    else:
        lent = request.getfixturevalue("postgres").lent(clock)
    with lent as database:
        yield database


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    """A transaction with the builders bound to it; it commits when the test ends."""
    with db.transaction() as session:
        factories.bind(session)
        yield session


@pytest.fixture
def system(db: Database, tmp_path: Path, clock: TestClock) -> System:
    settings = Settings(home=tmp_path, secret_key="test-secret", database_url=db.url)
    return System(
        db=db,
        mail=OutboxMail(settings.outbox_folder),
        pdf=FakePdf(),
        signer=Signer("test-secret"),
        settings=settings,
        clock=clock,
    )


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Templates compiled once a test process, not once an app."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def fresh_app(system: System, compiled_templates: Path) -> Flask:
    """An app of the test's own, for what is decided while it is made; slow, so `app` is one."""
    from tpma.app import create_app
    from tpma.web import security

    security.limiter.enabled = False  # read when the app is made
    made = create_app(system)
    made.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(compiled_templates))
    made.config.update(FOR_TESTS)
    return made


FOR_TESTS = {"TESTING": False, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}
_apps: list[Flask] = []  # one a process: all an app knows of its system is in `extensions`


@pytest.fixture
def app(request: pytest.FixtureRequest, system: System) -> Iterator[Flask]:
    """The one app of this process, over this test's system, configured as it was made."""
    from tpma.web import security

    security.limiter.enabled = False  # one for all apps: a test of the limits switched it on
    if not _apps:
        _apps.append(request.getfixturevalue("fresh_app"))
    [made] = _apps
    made.extensions["tpma"] = system
    before = dict(made.config)
    yield made
    made.config.clear()
    made.config.update(before)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def rng() -> random.Random:
    return random.Random(20260302)
