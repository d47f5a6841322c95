"""The house as a whole: who imports whom, how large things grow, what is named and must exist."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import tpma
from tpma import jobs
from tpma.worker import handlers

PACKAGE = Path(tpma.__file__).parent
ROOT = PACKAGE.parent
CODE = sorted(path for path in PACKAGE.glob("**/*.py"))
TEMPLATES = sorted(PACKAGE.glob("*/templates/**/*.html"))
LONGEST_FILE, LONGEST_FUNCTION = 400, 50  # lines
LISTS = {"cli/demo_cast.py"}  # the demo's people, as data


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_the_corridor_is_kept():
    """The import contracts of pyproject.toml."""
    linter = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout[-3000:]


def test_no_file_outgrows_a_reader():
    long = {name(path): len(path.read_text().splitlines()) for path in CODE}
    assert {n: lines for n, lines in long.items() if lines > LONGEST_FILE and n not in LISTS} == {}


def test_no_function_outgrows_a_screen():
    long = {
        f"{name(path)}:{node.name}": lines
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and (lines := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_only_doors_catch_whatever_comes():
    broad = {
        name(path)
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    }
    # To the caller whose work failed, in its own thread; to Flask's handlers of errors.
    handing_on = {"core/together.py", "leads/front.py"}
    doors = {"jobs.py", "worker/loop.py", "sending/engine.py", "tracking/loading.py"}
    assert broad <= doors | handing_on


def test_services_flush_and_never_commit():
    committing = {
        f"{name(path)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("commit", "rollback")
    }
    assert committing == set()


def test_nothing_behind_the_doors_reads_the_machines_clock():
    """Time comes from the session or is passed in, so that a test can move it."""
    wild = {
        f"{name(path)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and getattr(node.value, "id", "") in ("datetime", "date")
    }
    assert {place for place in wild if not place.startswith("core/clock.py")} == set()


def test_nothing_is_left_to_do():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError|pragma: no cover")
    texts = [*CODE, *TEMPLATES, *ROOT.glob("migrations/**/*.py")]
    assert [str(path) for path in texts if marks.search(path.read_text())] == []


def test_every_job_enqueued_has_a_handler():
    handlers.load()
    wanted: dict[str, str] = {}
    for path in CODE:
        for found in re.findall(r'enqueue(?:_all)?\(\s*[\w.]+,\s*"([a-z_.]+)"', path.read_text()):
            wanted[found] = name(path)
    assert len(wanted) >= 3
    assert {job: file for job, file in wanted.items() if job not in jobs._handlers} == {}


def test_every_handler_is_of_its_own_room():
    handlers.load()
    for job, handler in jobs._handlers.items():
        if not job.startswith("test."):
            assert handler.__module__ == f"tpma.{job.split('.')[0]}.jobs", job


ENDPOINT = re.compile(r"""url_for\(\s*["']([\w.]+)["']""")


def _endpoints(path: Path) -> set[str]:
    return set(ENDPOINT.findall(path.read_text()))


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory):
    """Every address the application answers."""
    from tpma.app import create_app
    from tpma.core.settings import Settings
    from tpma.wiring import from_settings

    system = from_settings(Settings(home=tmp_path_factory.mktemp("home")))
    yield create_app(system).view_functions
    system.db.close()


def test_every_page_linked_to_exists(endpoints):
    broken = {}
    for path in [*CODE, *TEMPLATES]:
        wanted = {end for end in _endpoints(path) if not end.startswith(".")}
        if missing := wanted - set(endpoints):
            broken[name(path)] = missing
    assert broken == {}


def test_every_link_within_a_room_exists(endpoints):
    broken = {}
    for path in CODE:
        own = re.findall(r'Blueprint\(\s*"(\w+)"', path.read_text())
        wanted = {end for end in _endpoints(path) if end.startswith(".")}
        if own and (missing := {e for e in wanted if f"{own[0]}{e}" not in endpoints}):
            broken[name(path)] = missing
    assert broken == {}


def test_every_view_stands_behind_exactly_one_guard(endpoints):
    kinds = {"public", "signed_in", "member", "partner", "vendor", "operator"}
    unguarded = {
        endpoint: getattr(view, "tpma_guard", None)
        for endpoint, view in endpoints.items()
        if endpoint != "static" and getattr(view, "tpma_guard", ("", ""))[0] not in kinds
    }
    assert unguarded == {}
    twice = {e for e, v in endpoints.items() if hasattr(getattr(v, "__wrapped__", v), "tpma_guard")}
    assert twice - {e for e in twice if _limited_only(endpoints[e])} == set()


def _limited_only(view) -> bool:
    """Rate limits wrap a guarded view and copy its mark: one guard all the same."""
    marks = 0
    while view is not None:
        marks += "guarded" in getattr(getattr(view, "__code__", None), "co_name", "")
        view = getattr(view, "__wrapped__", None)
    return marks <= 1


def test_every_door_of_the_list_is_there():
    from importlib import import_module

    from tpma.app import DOORS

    missing = [module for module, name in DOORS if not hasattr(import_module(module), name)]
    assert missing == []


def test_every_permission_a_door_asks_for_is_somebodys(endpoints):
    from tpma.identity.rules import ROLE_TABLE

    held = {
        kind: {p for role in ROLE_TABLE.values() if role.kind == kind for p in role.permissions}
        for kind in ("vendor", "partner", "operator")
    }
    held["member"] = held["vendor"] | held["partner"] | held["operator"]
    guards = {e: v.tpma_guard for e, v in endpoints.items() if e != "static"}
    assert {
        e: guard for e, guard in guards.items() if guard[1] and guard[1] not in held[guard[0]]
    } == {}


def test_what_changes_something_asks_for_more_than_reading(endpoints, app_rules):
    lax = {
        rule.endpoint
        for rule in app_rules
        if rule.methods & {"POST", "PUT", "PATCH", "DELETE"}
        and (endpoints[rule.endpoint].tpma_guard[1] or "").endswith(".read")
    }
    assert lax == set()


@pytest.fixture(scope="module")
def app_rules(tmp_path_factory):
    from tpma.app import create_app
    from tpma.core.settings import Settings
    from tpma.wiring import from_settings

    system = from_settings(Settings(home=tmp_path_factory.mktemp("home")))
    app = create_app(system)
    yield [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    system.db.close()
