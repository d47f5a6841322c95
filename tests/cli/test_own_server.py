"""`tpma.app:create_app()` as gunicorn calls it: no command has prepared the process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tpma.models  # noqa: F401
from tpma.core import schema
from tpma.core.db import Base

ROOT = Path(__file__).parents[2]
LOGGING = """
from tpma.app import create_app
from tpma.core import log
create_app()
log.logger("test").info("ready")
"""


@pytest.fixture
def start(tmp_path):
    """Run Python as a server's worker would; its exit code and what it said on stderr."""

    def run(code, **variables):
        plain = {k: v for k, v in os.environ.items() if not k.startswith("TPMA_")}
        environment = plain | {"PYTHONPATH": str(ROOT), "TPMA_HOME": str(tmp_path)} | variables
        ended = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
        return ended.returncode, ended.stderr

    return run


def migrated(folder):
    schema.upgrade(f"sqlite:///{folder / 'tpma.db'}")


def test_an_unmigrated_database_is_refused_in_one_line(start):
    code, said = start("from tpma.app import create_app; create_app()")
    assert code == 4, "gunicorn tries any other code again, for ever"
    need = f"tpma: The database is at revision None, this version needs {schema.head()}"
    assert said == f"{need}: tpma migrate\n"


def test_a_system_knows_every_table_whoever_made_it(start):
    """A command imports its own room alone, and writes rows that name those of others."""
    code, said = start(
        "import sys, tpma.wiring; from tpma.core.db import Base; "
        "sys.exit(' '.join(sorted(Base.metadata.tables)))"
    )
    assert (code, said.split()) == (1, sorted(Base.metadata.tables))


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("TPMA_PORT", "many", "TPMA_PORT"),
        ("TPMA_DATABASE_URL", "sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("TPMA_HOME", "/proc/nowhere", "/proc/nowhere"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_one_line(start, variable, value, named):
    code, said = start("from tpma.app import create_app; create_app()", **{variable: value})
    assert code == 4
    assert said.startswith("tpma: ")
    assert named in said
    assert said.count("\n") == 1


def test_it_logs_in_the_style_that_was_set(start, tmp_path):
    migrated(tmp_path)
    code, said = start(LOGGING, TPMA_LOG_FORMAT="json")
    assert code == 0
    line = json.loads(said.splitlines()[-1])
    assert (line["event"], line["level"], line["room"]) == ("ready", "info", "test")
