"""A whole tpma on a free port, and Chromium in front of it."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import waitress

from tpma.adapters.mail_outbox import OutboxMail
from tpma.adapters.pdf_weasyprint import WeasyPrintPdf
from tpma.app import create_app
from tpma.core.clock import utc_now
from tpma.core.db import Database
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.system import System
from tpma.web import security
from tpma.worker.loop import Worker

CHROMIUM = os.environ.get("TPMA_TEST_CHROMIUM") or shutil.which("chromium") or ""
AXE = Path(__file__).parent.parent / "assets" / "axe-4.14.1.min.js"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Live:
    """The running installation: its address and its insides."""

    url: str
    system: System


def _system(home: Path, port: int) -> System:
    settings = Settings(
        home=home,
        secret_key="journey-secret",
        base_url=f"http://127.0.0.1:{port}",
        port=port,
        poll_seconds=0.1,
    )
    return System(
        db=Database(settings.url_of_database, utc_now),
        mail=OutboxMail(settings.outbox_folder),
        pdf=WeasyPrintPdf(),
        signer=Signer("journey-secret"),
        settings=settings,
        clock=utc_now,
    )


class Stages:
    """What has happened before the curtain rises: played once, then a copy for each test."""

    def __init__(self, migrated: Path, folder: Path) -> None:
        self.port = _free_port()  # one for all, since mails that were sent name it
        self.migrated = migrated
        self._folder = folder
        self._played: dict[str, tuple[Path, Any]] = {}

    def copy(self, before: Callable[[System], Any], home: Path) -> Any:
        """Fill `home` with what `before` left behind; returns what it returned."""
        if before.__name__ not in self._played:
            self._played[before.__name__] = self._play(before)
        played, outcome = self._played[before.__name__]
        shutil.copytree(played, home, dirs_exist_ok=True)
        return outcome

    def _play(self, before: Callable[[System], Any]) -> tuple[Path, Any]:
        home = self._folder / before.__name__
        home.mkdir()
        (home / "tpma.db").write_bytes(self.migrated.read_bytes())
        system = _system(home, self.port)
        outcome = before(system)
        system.db.close()
        return home, outcome


@pytest.fixture(scope="session")
def stages(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Stages:
    return Stages(migrated, tmp_path_factory.mktemp("stages"))


@pytest.fixture
def played(stages: Stages, tmp_path: Path) -> Any:
    """An empty stage; a module with another one defines this by `stages.copy`."""
    shutil.copy(stages.migrated, tmp_path / "tpma.db")


@pytest.fixture
def live(stages: Stages, played: Any, tmp_path: Path) -> Iterator[Live]:
    port = stages.port
    system = _system(tmp_path, port)
    settings = system.settings
    security.limiter.enabled = False  # read when the app is made
    app = create_app(system)
    server = waitress.create_server(app, host="127.0.0.1", port=port, threads=6)
    worker = Worker(system)
    threads = [threading.Thread(target=target) for target in (server.run, worker.run)]
    for thread in threads:
        thread.start()
    yield Live(settings.base_url, system)
    worker.stop()
    server.close()
    for thread in threads:
        thread.join(timeout=20)
    system.db.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if not CHROMIUM:
        if os.environ.get("TPMA_TEST_REQUIRE"):
            pytest.fail("TPMA_TEST_REQUIRE is set and there is no Chromium")
        pytest.skip("NOT RUN: no Chromium on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


class Hand:
    """A person at the browser, whose clicks and typed fields are counted."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.clicks = 0
        self.fields = 0

    def open(self, url: str) -> None:
        """Follow a link that stands outside the browser, in a mail: a click too."""
        self.clicks += 1
        self.page.goto(url)

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state()

    def press(self, words: str) -> None:
        """Click the button or link that says so."""
        self.clicks += 1
        found = self.page.get_by_role("button", name=words).or_(
            self.page.get_by_role("link", name=words)
        )
        found.first.click()
        self.page.wait_for_load_state()

    def choose_file(self, selector: str, path: Path) -> None:
        self.clicks += 1
        self.page.locator(selector).first.set_input_files(path)
        self.page.wait_for_load_state()

    def type(self, selector: str, text: str) -> None:
        self.fields += 1
        self.page.fill(selector, text)


@pytest.fixture
def hand(chromium: Any, live: Live) -> Iterator[Hand]:
    """A desktop window; a script error or a refused resource fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
    )
    outside: list[str] = []
    page.on(
        "request",
        lambda asked: (
            outside.append(asked.url)
            if not asked.url.startswith((live.url, "data:", "about:", "blob:"))
            else None
        ),
    )
    page.set_default_timeout(15_000)
    yield Hand(page)
    context.close()
    assert not faults, faults
    assert not outside, f"requests to others: {outside}"


def accessibility_faults(page: Any) -> list[str]:
    """What axe finds by WCAG 2.2 AA: rule, count and the first place."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "axe.run({resultTypes: ['violations'],"
        " runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']})"
    )
    return [
        f"{fault['id']} ({len(fault['nodes'])}): {fault['nodes'][0]['html'][:160]}"
        for fault in found["violations"]
    ]
