"""Hits in files: written without the database, loaded once, whatever dies in between."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.factories import pages, tracking
from tests.factories.tracking import CHROME
from tpma.core.clock import utc_now
from tpma.core.db import Database
from tpma.core.signing import link_character
from tpma.launches.models import Launch
from tpma.sending.models import Message
from tpma.tracking import counting, loading, segments
from tpma.tracking.front import Desk
from tpma.tracking.hits import Hit, line, parsed
from tpma.tracking.models import EventSegment, EventType, TrackingEvent
from tpma.tracking.rules import Visit

ROOT = Path(__file__).parents[2]
KILLS = 6


@pytest.fixture
def mail(session, clock):
    message = tracking.message()
    pages.page(session.get_one(Launch, message.launch_id), ("en-US",))
    session.commit()
    clock.forward(minutes=10)
    return message


@pytest.fixture
def writer(system):
    made = segments.Writer(loading.folder_of(system))
    yield made
    made.close()


@pytest.fixture
def hit(mail, clock):
    def make(key: str = "email1.cta", kind: EventType = EventType.CLICK) -> Hit:
        visit = Visit(clock.forward(seconds=30), agent=CHROME, address="203.0.113.7")
        return Hit(kind, visit, mail.launch_id, mail.id, key)

    return make


def stored(db) -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(TrackingEvent.link_key).order_by(TrackingEvent.id)))


def well(db) -> bool:
    with db.reading() as session:
        return all(fine for fine, _line in counting.findings(session))


def test_a_line_says_what_the_hit_said(hit):
    made = hit("email1.ünï\n\x00")
    assert parsed(line(made)) == made
    assert line(made).count(b"\n") == 1


@pytest.mark.parametrize("spoil", [b"", b"\0" * 40, b"00000000 []", b"x" * 9, b"\xff\xfe"])
def test_what_is_no_line_is_no_hit(spoil):
    assert parsed(spoil) is None


def test_half_a_line_is_no_hit(hit):
    whole = line(hit())
    assert all(parsed(whole[:length]) is None for length in range(len(whole) - 1))


def test_what_was_written_is_loaded_once(system, db, writer, hit):
    for number in range(3):
        writer.append(hit(f"k{number}"))
    assert loading.catch_up(system) == 3
    assert loading.catch_up(system) == 0
    writer.append(hit("k3"))
    assert loading.catch_up(system) == 1
    assert stored(db) == ["k0", "k1", "k2", "k3"]
    assert well(db)


def test_a_large_segment_is_loaded_in_parts(system, db, writer, hit, monkeypatch):
    monkeypatch.setattr(loading, "_BATCH", 3)
    for number in range(10):
        writer.append(hit(f"k{number}"))
    assert loading.catch_up(system) == 10
    assert len(stored(db)) == 10


def test_a_segment_is_deleted_once_its_writer_is_gone(system, db, writer, hit, clock):
    writer.append(hit())
    loading.catch_up(system)
    assert len(segments.all_in(writer.folder)) == 1  # still written to
    writer.close()
    loading.catch_up(system)
    assert segments.all_in(writer.folder) == []
    with db.reading() as session:
        assert session.scalars(select(EventSegment.finished_at)).one() == clock()


def test_a_file_that_comes_back_after_a_power_cut_is_not_loaded_again(system, db, writer, hit):
    writer.append(hit())
    [path] = segments.all_in(writer.folder)
    writer.close()
    kept = path.read_bytes()
    loading.catch_up(system)
    path.write_bytes(kept)
    assert loading.catch_up(system) == 0
    assert len(stored(db)) == 1
    assert not path.exists()


def test_a_torn_last_line_waits_and_then_is_left(system, db, writer, hit):
    writer.append(hit("whole"))
    [path] = segments.all_in(writer.folder)
    torn = line(hit("torn"))
    with path.open("ab") as file:
        file.write(torn[:-9])
    assert loading.catch_up(system) == 1
    assert loading.catch_up(system) == 0
    with path.open("ab") as file:  # the rest arrives: it was a slow writer
        file.write(torn[-9:] + torn[:20])
    assert loading.catch_up(system) == 1
    writer.close()
    assert loading.catch_up(system) == 0
    assert stored(db) == ["whole", "torn"]
    assert not path.exists()


def test_spoilt_lines_spoil_no_others(system, db, writer, hit):
    writer.append(hit("before"))
    [path] = segments.all_in(writer.folder)
    with path.open("ab") as file:
        file.write(b"\0" * 300 + b"\nnonsense\n" + line(hit("cut"))[:-4] + b"\n")
    writer.append(hit("after"))
    loading.catch_up(system)
    assert stored(db) == ["before", "after"]


def test_a_full_disk_spoils_only_the_hit_it_met(system, db, writer, hit, monkeypatch):
    writer.append(hit("before"))
    real = os.write
    monkeypatch.setattr(segments.os, "write", lambda file, text: real(file, text[:20]))
    with pytest.raises(OSError, match="in part"):
        writer.append(hit("lost"))
    monkeypatch.undo()
    writer.append(hit("after"))
    loading.catch_up(system)
    assert stored(db) == ["before", "after"]


def test_an_old_segment_is_ended_also_when_nobody_clicks(system, hit):
    moment = [0.0]
    writer = segments.Writer(loading.folder_of(system), lambda: moment[0])
    writer.append(hit())
    moment[0] = segments.MOST_SECONDS
    writer.sync()
    loading.catch_up(system)
    assert segments.all_in(writer.folder) == []  # with the addresses it held


def test_hits_of_what_is_gone_are_left_out(system, db, writer, hit, mail):
    writer.append(replace(hit("nobody"), message_id=2**40))
    writer.append(hit("somebody"))
    loading.catch_up(system)
    assert stored(db) == ["somebody"]


def test_a_hit_that_cannot_be_stored_holds_up_no_other(system, db, writer, hit):
    for key in ("before", "x" * 300, "after"):  # SQLite would take it; its hits stay three
        writer.append(hit(key))
    loading.catch_up(system)
    kept = stored(db)
    assert {"before", "after"} <= set(kept)
    assert len(kept) == (2 if db.dialect == "postgresql" else 3)
    assert well(db)


def test_only_one_loader_works_a_folder(system):
    folder = loading.folder_of(system)
    with segments.elected(folder) as first, segments.elected(folder) as second:
        assert (first, second) == (True, False)
    with segments.elected(folder) as again:
        assert again


def test_a_web_process_answers_at_once_and_the_loader_follows(app, system, db, mail):
    desk: Desk = app.extensions["tpma.desk"]
    token = system.signer.token(mail.id)
    desk.start()
    try:
        answer = app.test_client().get(
            f"/c/{token}{link_character(1)}", headers={"User-Agent": CHROME}
        )
        assert answer.status_code == 302
    finally:
        desk.stop()
    assert stored(db) == ["email1.site"]
    assert not list(loading.folder_of(system).glob("*.hits"))


def test_a_folder_that_cannot_be_written_costs_no_hit(app, system, db, mail):
    loading.folder_of(system).write_text("in the way")
    token = system.signer.token(mail.id)
    desk: Desk = app.extensions["tpma.desk"]
    desk._writer = segments.Writer(loading.folder_of(system))
    desk._loader = loading.Loader(system, desk._writer)
    try:
        answer = app.test_client().get(f"/c/{token}{link_character(1)}")
        assert answer.status_code == 302
    finally:
        desk._writer = desk._loader = None
    assert stored(db) == ["email1.site"]


# Processes that die


@pytest.fixture
def real(db, system, mail):
    """The system on the real clock, as the killed see it, with twenty mails."""
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, mail.launch_id)
        for _number in range(19):
            tracking.message(launch)
    database = Database(db.url, utc_now)
    yield replace(system, db=database, clock=utc_now)
    database.close()


@pytest.fixture
def nursery(real):
    environment = os.environ | {
        "TPMA_HOME": str(real.settings.home),
        "TPMA_DATABASE_URL": real.db.url,
        "TPMA_SECRET_KEY": "test-secret",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.tracking.clicked"],
        cwd=ROOT,
        env=environment,
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


def _taken(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.crash
def test_killed_again_and_again_no_hit_is_lost_and_none_is_stored_twice(
    real, db, nursery, tmp_path
):
    taken, chance = tmp_path / "taken", random.Random(9)
    for _kill in range(KILLS):
        before, loaded = len(_taken(taken)), len(stored(db))
        nursery.stdin.write(f"{taken}\n")
        nursery.stdin.flush()
        child = int(nursery.stdout.readline())
        deadline = time.monotonic() + 30
        while len(_taken(taken)) < before + 20 or len(stored(db)) <= loaded:
            assert time.monotonic() < deadline, "the process neither writes nor loads"
            time.sleep(0.01)
        time.sleep(chance.random() * 0.05)  # a moment of chance, not a wait for anything
        os.kill(child, signal.SIGKILL)
        while Path(f"/proc/{child}").exists():  # its locks are free when it is gone
            assert time.monotonic() < deadline
            time.sleep(0.002)
    loading.catch_up(real)
    kept = Counter(stored(db))
    assert set(kept.values()) == {1}
    assert set(_taken(taken)) <= set(kept)
    assert len(kept) - len(_taken(taken)) <= KILLS  # taken, and killed before it could say so
    assert segments.all_in(loading.folder_of(real)) == []
    assert well(db)
    with db.reading() as session:
        assert session.scalar(select(func.count()).where(Message.clicked_at.is_not(None))) == 20
