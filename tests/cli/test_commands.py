"""The `tpma` command as a terminal meets it: one line for an error, and its exit code."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from tests import factories
from tests.contracts.smtp_server import ScriptedSmtp
from tests.factories import launches, sending, tracking
from tpma import cli
from tpma.cli import bench
from tpma.cli import demo_cast as cast
from tpma.cli.benchmarks.rows import Row
from tpma.core import durability, schema
from tpma.core.paths import kits_folder
from tpma.core.settings import Settings
from tpma.identity.models import User
from tpma.launches.codes import mint
from tpma.sending.models import Attempt, Message, SendState
from tpma.wiring import from_settings

ROOT = Path(__file__).parents[2]
EVERY = [
    "serve", "worker", "migrate", "check", "settings", "pause-all", "doctor", "bench", "demo",
    "kits", "user", "feed", "rehearse", "simulator",
]  # fmt: skip


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine of one's own: no TPMA_* variable but a new home."""
    for name in list(os.environ):
        if name.startswith("TPMA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TPMA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(monkeypatch, capfd):
    """Type a command; its exit code, what it said and what it complained of."""

    def type_it(*words):
        monkeypatch.setattr(sys, "argv", ["tpma", *words])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capfd.readouterr()
        return code, told.out, told.err

    return type_it


@pytest.fixture
def home(run, tmp_path):
    """A migrated home, and the system that lives there."""
    run("migrate")
    system = from_settings(Settings(home=tmp_path / "home"))
    yield system
    system.db.close()


@pytest.mark.parametrize(
    "words", [[], *([name] for name in EVERY), ["kits", "check"], ["user", "create"]]
)
def test_every_command_explains_itself(run, words):
    code, said, _err = run(*words, "--help")
    assert code == 0
    assert said.startswith("Usage: tpma")
    assert len(said.splitlines()) > 3


def test_every_command_is_in_the_list(run):
    said = run("--help")[1]
    assert all(re.search(rf"^  {name}\b +\w", said, re.MULTILINE) for name in EVERY)


def test_the_version_is_said(run):
    assert run("--version")[1].startswith("tpma, version ")


@pytest.mark.parametrize(
    "words", [["no-such-command"], ["migrate", "--sideways"], ["kits", "check"]]
)
def test_what_cannot_be_understood_is_told_with_exit_2(run, words):
    code, _said, told = run(*words)
    assert code == 2
    assert "Usage: tpma" in told


def test_settings_names_every_variable_with_value_source_and_meaning(run, monkeypatch):
    monkeypatch.setenv("TPMA_PORT", "8123")
    code, said, _err = run("settings")
    assert code == 0
    assert "TPMA_PORT=8123  [environment]" in said
    assert "TPMA_HOST=127.0.0.1  [default]" in said
    assert {f"TPMA_{name.upper()}" for name in Settings.model_fields} <= set(
        re.findall(r"^(TPMA_\w+)=", said, re.MULTILINE)
    )


@pytest.mark.parametrize("command", ["settings", "migrate", "doctor", "worker", "serve", "demo"])
def test_a_bad_setting_stops_every_command_with_one_line(run, monkeypatch, command):
    monkeypatch.setenv("TPMA_PORT", "http")
    code, said, told = run(command)
    assert (code, said) == (2, "")
    assert told.startswith("tpma: TPMA_PORT: ")
    assert told.count("\n") == 1


def test_migrate_may_be_repeated(run):
    for _turn in range(2):
        code, said, _err = run("migrate")
        assert (code, said) == (0, f"The database is at revision {schema.head()}.\n")


@pytest.mark.parametrize(
    "command", [["worker", "--once"], ["serve"], ["kits", "list", "--vendor", "x"]]
)
def test_without_a_migrated_database_the_cure_is_named(run, command):
    code, _said, told = run(*command)
    assert code == 5
    assert "tpma migrate" in told
    assert told.count("\n") == 1


def test_a_database_that_does_not_answer_is_one_line(run, monkeypatch):
    monkeypatch.setenv("TPMA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, _said, told = run("migrate")
    assert code == 75
    assert told.startswith("tpma: The database cannot be used: ")
    assert told.count("\n") == 1


def test_a_home_that_cannot_be_made_is_one_line(run, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TPMA_HOME", str(tmp_path / "file" / "home"))
    code, _said, told = run("migrate")
    assert code == 1
    assert told.startswith("tpma: ")
    assert str(tmp_path / "file") in told
    assert told.count("\n") == 1


def test_a_healthy_installation_passes_every_probe(run, home):
    code, said, told = run("doctor")
    assert (code, told) == (0, "")
    assert all(line.startswith("ok ") for line in said.splitlines())
    for probe in ("database at revision", "SQLite journal wal", "power cut", "fonts", "messages"):
        assert probe in said


def test_the_doctor_asks_the_mail_server_and_the_mailbox_of_bounces(
    run, home, monkeypatch, tmp_path
):
    with ScriptedSmtp() as server:
        monkeypatch.setenv("TPMA_MAIL", "smtp")
        monkeypatch.setenv("TPMA_SMTP_URL", f"smtp://127.0.0.1:{server.port}")
        monkeypatch.setenv("TPMA_DSN_MAILDIR", str(tmp_path / "bounces"))
        for folder in ("cur", "new", "tmp"):
            (tmp_path / "bounces" / folder).mkdir(parents=True)
        code, said, _told = run("doctor")
        assert code == 0
        assert f"ok   SMTP server 127.0.0.1:{server.port}: no TLS; PIPELINING" in said
        assert f"ok   reports from Maildir {tmp_path / 'bounces'}: 0 waiting" in said
    (tmp_path / "bounces" / "new").rmdir()
    code, said, told = run("doctor")
    assert code == 5
    assert "FAIL SMTP server 127.0.0.1" in said
    assert "FAIL Maildir" in said
    assert told.startswith("tpma: Something is not right")


def test_a_launch_is_rehearsed_by_its_code(run, home):
    with home.db.transaction() as session:
        factories.bind(session)
        made = launches.launch(contacts=3)
        code = made.campaign_code
    status, told, _complaint = run("rehearse", code.lower(), "--seed", "11", "--json")
    assert status == 0
    figures = json.loads(told)
    assert (figures["mails"], figures["accepted"], figures["seed"]) == (3, 3, 11)
    status, told, _complaint = run("rehearse", code, "--seed", "11")
    assert status == 0
    assert "ok Every mail once" in told
    with home.db.reading() as session:
        assert session.scalars(select(Message)).all() == []


def test_a_code_of_no_launch_is_told_with_where_to_find_one(run, home):
    status, told, complaint = run("rehearse", mint("HC", "SEC"))
    assert (status, told) != (0, "")
    assert "it stands on the launch's page" in complaint
    assert "both hyphens" in run("rehearse", "nonsense")[2]


def test_bench_tells_each_goal_with_what_was_measured(run):
    code, said, _told = run("bench", "--quick", "--json", "--only", "smtp")
    assert code == 0
    [row] = json.loads(said)
    assert row["ratio"] >= row["goal"] == 2
    assert row["met"]
    assert set(row) == {
        "what", "unit", "ours", "reference", "ratio", "goal", "at_most", "met",
    }  # fmt: skip


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 5)])
def test_a_missed_goal_is_shown_and_with_strict_an_error(run, monkeypatch, strict, code):
    missed = Row("Mails, against snails", "a day", 1, 2, 0.5, 1)
    monkeypatch.setattr(bench, "SUBJECTS", {"smtp": lambda _quick: iter([missed])})
    ended, said, _told = run("bench", "--quick", *strict)
    assert ended == code
    assert said.startswith("MISSED")
    assert "Mails, against snails" in said


def test_a_mail_said_to_be_sent_without_any_attempt_is_found(run, home):
    with home.db.transaction() as session:
        factories.bind(session)
        tracking.message()
    code, said, told = run("doctor")
    assert code == 5
    assert "FAIL accepted messages without an attempt: 1" in said
    assert "FAIL accepted messages without the fact: 1" in said
    assert told.startswith("tpma: Something is not right")


def test_the_ledger_alone_is_checked_with_a_line_for_each_invariant(run, home):
    code, said, _told = run("doctor", "delivery")
    assert code == 0
    assert "ok   provider ids of several messages: 0" in said
    assert "fonts" not in said
    with home.db.transaction() as session:
        factories.bind(session)
        tracking.message()
    code, said, told = run("doctor", "delivery")
    assert code == 5
    assert "FAIL accepted messages without an attempt: 1" in said
    assert told.startswith("tpma: Something is not right")


def test_after_a_restore_everything_is_paused_before_anything_starts(run, home):
    with home.db.transaction() as session:
        factories.bind(session)
        made = launches.running_launch(contacts=1)
    assert run("pause-all", "--cause", "restored")[1] == "1 launches paused (restored).\n"
    assert run("pause-all")[1] == "0 launches paused (restored).\n"
    assert run("pause-all", "--cause", "boredom")[0] == 2
    run("worker", "--once")
    with home.db.reading() as session:
        states = session.scalars(
            select(Message.send_state).where(Message.launch_id == made.id)
        ).all()
    assert states == [SendState.QUEUED]


@pytest.mark.parametrize("command", [["worker", "--once"], ["serve"]])
def test_a_database_that_may_forget_what_it_committed_is_refused(run, home, monkeypatch, command):
    monkeypatch.setattr(durability, "findings", lambda _db: [(False, "synchronous_commit off")])
    code, _said, told = run(*command)
    assert code == 5
    assert "synchronous_commit off" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_terminated_process_records_its_batch_and_ends_well(home, command, tmp_path):
    """A service manager's SIGTERM, in the middle of a launch."""
    with home.db.transaction() as session:
        factories.bind(session)
        made = launches.running_launch(contacts=40)
    surroundings = os.environ | {
        "TPMA_SECRET_KEY": "test-secret", "TPMA_SEND_BATCH": "1", "TPMA_PORT": str(_free_port()),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    running = subprocess.Popen(
        [sys.executable, "-m", "tpma", command],
        env=surroundings, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _until(lambda: sending.states(home.db, made.id).count("accepted") >= 2)
        running.terminate()
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
    assert set(sending.states(home.db, made.id)) <= {"accepted", "queued"}
    assert all(attempt.outcome == "accepted" for attempt in sending.attempts(home.db))


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_taken_port_is_told_before_anything_is_done(run, home, monkeypatch, command):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("TPMA_PORT", str(port))
        code, said, told = run(command)
    assert (code, said) == (75, "")
    assert told.startswith(f"tpma: TPMA_PORT: something else listens on port {port} of 127.0.0.1.")
    assert told.count("\n") == 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(holds, seconds=60):
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


# One worker plays the demo, and all tests that begin after it are that worker's.
after_the_demo = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A home in which the demo was played."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "tpma", "demo", "--once", "--json"]
    surroundings = os.environ | {"TPMA_HOME": str(folder / "home")}
    told = subprocess.run(command, env=surroundings, cwd=folder, capture_output=True, check=True)
    assert json.loads(told.stdout)
    return folder / "home"


@pytest.fixture
def demo(played, tmp_path):
    shutil.copytree(played, tmp_path / "home")
    system = from_settings(Settings(home=tmp_path / "home"))
    yield system
    system.db.close()


@after_the_demo
def test_after_the_demo_every_probe_passes(run, demo):
    assert run("doctor")[0] == 0


@after_the_demo
def test_the_demo_goes_on_where_it_was_whatever_its_people_did(run, demo):
    with demo.db.transaction() as session:
        sent = list(session.scalars(select(Message.id)))
        person = session.scalars(select(User).where(User.email == cast.STAR.email)).one()
        person.password_hash = "changed since"
    code, said, _told = run("demo", "--once", "--json")
    assert code == 0
    outcome = json.loads(said)
    assert (outcome["accepted"], outcome["leads"], outcome["deal"]["state"]) == (24, 2, "approved")
    assert all(Path(outcome[name]).stat().st_size for name in ("eml", "pdf", "report"))
    with demo.db.reading() as session:
        assert list(session.scalars(select(Message.id))) == sent


@after_the_demo
def test_a_mail_whose_file_is_gone_is_found(run, demo):
    shutil.rmtree(demo.settings.outbox_folder)
    code, said, _told = run("doctor")
    assert code == 5
    assert re.search(r"FAIL mails of the mailbox whose file is gone: [1-9]", said)


@after_the_demo
def test_attempts_that_were_lost_are_found(run, demo):
    with demo.db.transaction() as session:
        accepted = select(Message.id).where(Message.send_state == SendState.ACCEPTED).limit(3)
        lost = list(session.scalars(accepted))
        session.execute(delete(Attempt).where(Attempt.message_id.in_(lost)))
    assert "FAIL accepted messages without an attempt: 3" in run("doctor")[1]


def test_an_old_database_fails_the_doctor(run, home):
    schema.downgrade(home.settings.url_of_database, "base")
    code, _said, told = run("doctor")
    assert code == 5
    assert "Traceback" not in told


def test_the_kits_that_travel_with_the_product_pass_their_check(run):
    folders = sorted(str(path) for path in kits_folder().iterdir() if path.is_dir())
    code, said, _err = run("kits", "check", *folders)
    assert code == 0
    assert said.count("can be published") == len(folders)


def test_a_broken_kit_is_told_with_file_line_and_rule(run, tmp_path):
    folder = tmp_path / "kit"
    shutil.copytree(kits_folder() / "secure-edge", folder)
    (folder / "kit.toml").write_text((folder / "kit.toml").read_text() + "\nsurprise = 1\n")
    code, said, _err = run("kits", "check", str(folder))
    assert code == 1
    assert re.search(r"kit\.toml:\d+: [\w-]+: ", said)


def test_the_first_operator_is_made_by_hand(run, home):
    code, said, _err = run("user", "create", "omar@tpma.example", "--name", "Omar", "--operator")
    assert code == 0
    assert said.startswith("http://localhost:8000/invitation/")


def test_an_organisation_nobody_knows_is_told_with_its_exit_code(run, home):
    code, _said, told = run(
        "user", "create", "a@b.example", "--name", "A", "--organisation", "none"
    )
    assert (code, told) == (4, "tpma: No organisation is called none.\n")


def test_the_worker_does_what_is_due_and_stops(run, home):
    assert run("worker", "--once")[0] == 0
