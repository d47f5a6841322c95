"""The wheel by itself: built, installed into an empty environment, played from an empty folder."""

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import tpma

ROOT = Path(tpma.__file__).parent.parent
pytestmark = [pytest.mark.wheel, pytest.mark.xdist_group("wheel")]


def _run(*command: object, **given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **given
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    told = _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, ROOT)
    if told.returncode and not os.environ.get("TPMA_TEST_REQUIRE"):
        pytest.skip("the build backend cannot be had here: " + told.stderr[-200:])
    assert told.returncode == 0, told.stderr[-2000:]
    return next(folder.glob("tpma-*.whl"))


@pytest.fixture(scope="module")
def inside(wheel) -> set[str]:
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The folder of commands of an environment with the wheel, its dependencies and no more."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    # This environment's pip, for that one; what is run there compiles what it imports.
    told = _run(
        sys.executable, "-m", "pip", "--python", folder / "bin" / "python",
        "install", "--quiet", "--no-compile", wheel,
    )  # fmt: skip
    if told.returncode and not os.environ.get("TPMA_TEST_REQUIRE"):
        pytest.skip("the dependencies cannot be had here: " + told.stderr[-200:])
    assert told.returncode == 0, told.stderr[-2000:]
    return folder / "bin"


@pytest.fixture(scope="module")
def played(installed, tmp_path_factory) -> tuple[Path, dict]:
    """An empty folder in which the installed command played the demo, and what it printed."""
    folder = tmp_path_factory.mktemp("empty")
    told = _run(installed / "tpma", "demo", "--once", "--json", cwd=folder, env=_bare())
    assert told.returncode == 0, told.stderr[-2000:]
    return folder, json.loads(told.stdout)


def _bare() -> dict[str, str]:
    """Nothing of this checkout: no TPMA_* variable, no PYTHONPATH."""
    kept = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}
    return {name: value for name, value in os.environ.items() if name in kept}


def _files(*patterns: str) -> set[str]:
    """What the checkout has, as a wheel names it."""
    found = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}


@pytest.mark.parametrize(
    "patterns",
    [
        ("tpma/**/*.py",),
        ("tpma/*/templates/**/*.html",),
        ("tpma/web/static/**/*", "tpma/web/icons.json"),
        ("tpma/cli/demo_data/**/*", "tpma/audiences/words.toml"),
    ],
)
def test_the_package_is_whole(inside, patterns):
    wanted = _files(*patterns)
    assert wanted
    assert wanted - inside == set()


@pytest.mark.parametrize("folder", ["campaigns_library", "locales", "migrations"])
def test_what_stands_beside_the_package_travels_inside_it(inside, folder):
    wanted = {f"tpma/_data/{name}" for name in _files(f"{folder}/**/*")}
    assert wanted
    assert wanted - inside == set()


def test_nothing_else_travels(inside):
    strange = [name for name in inside if not re.match(r"tpma/|tpma-[\d.]+\.dist-info/", name)]
    assert strange == []
    assert not [
        name for name in inside if re.search(r"\.(pyc|db|db-wal|key|eml)$|_cache/|/var/", name)
    ]
    assert not [name for name in inside if name.startswith("tpma/tests")]


def test_it_says_its_version(installed):
    told = _run(installed / "tpma", "--version", env=_bare())
    assert re.fullmatch(r"tpma, version \d+\.\d+\.\d+\n", told.stdout)


def test_the_whole_campaign_is_played(played):
    _folder, said = played
    assert len(said["kits"]) == 3
    assert re.fullmatch(r"[A-Z]{2,4}-[A-Z]{3}-[0-9A-Z]{7}", said["launch_code"])
    assert said["accepted"] > 0
    assert said["clicks"] > 0
    assert said["leads"] > 0
    assert said["deal"]
    assert all(said[figure] for figure in ("cost", "cost_per_lead", "pipeline_to_spend", "report"))


def test_its_mails_and_documents_lie_in_that_folder(played):
    folder, said = played
    for kind, begins in (("eml", b""), ("pdf", b"%PDF-")):
        path = folder / said[kind]
        assert path.is_file(), said[kind]
        assert path.resolve().is_relative_to(folder.resolve())
        assert path.read_bytes().startswith(begins)
    assert said["launch_code"].encode() in (folder / said["eml"]).read_bytes()


def test_playing_it_again_changes_nothing(played, installed):
    folder, said = played
    again = _run(installed / "tpma", "demo", "--once", "--json", cwd=folder, env=_bare())
    assert again.returncode == 0, again.stderr[-2000:]
    assert json.loads(again.stdout)["launch_code"] == said["launch_code"]


def test_the_installation_is_well(played, installed):
    folder, _said = played
    told = _run(installed / "tpma", "doctor", cwd=folder, env=_bare())
    assert told.returncode == 0, told.stdout


def test_a_kit_is_checked_without_any_setting_up(installed, tmp_path):
    kit = ROOT / "campaigns_library" / "secure-edge"
    told = _run(installed / "tpma", "kits", "check", kit, cwd=tmp_path, env=_bare())
    assert told.returncode == 0, told.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_catalogs_speak_german(installed, tmp_path):
    """Found where the wheel keeps them, not where the checkout does."""
    code = "from tpma.core.paths import locales_folder as f; print(f())"
    told = _run(installed / "python", "-c", code, cwd=tmp_path, env=_bare())
    assert "_data" in told.stdout
    assert (Path(told.stdout.strip()) / "de" / "LC_MESSAGES" / "tpma.po").is_file()
