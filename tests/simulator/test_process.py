"""The process: what survives its end, however it ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from click.testing import CliRunner

from tests.simulator.stage import PLAN, RAW, SENDER, Running, eventually, lines_of
from tpma.simulator.cli import simulator as simulator_command
from tpma.simulator.journal import HomeTaken, Journal


@pytest.fixture
def start(tmp_path, keyring):
    """Starts simulators on one home; ends those a test left."""
    started = []

    def start(*options, plan=PLAN):
        started.append(Running(tmp_path / "home", *options, plan=plan, keys=keyring))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.kill()


def send(client, recipient="ada@reader.example", attempt="a"):
    return client.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": [recipient]},
        Content={"Raw": {"Data": RAW}},
        EmailTags=[{"Name": "tpma-attempt", "Value": attempt}],
        ConfigurationSetName="tpma",
    ).get("MessageId")


def test_a_restart_keeps_journal_quota_and_account(start):
    first = start()
    ses = first.client("sesv2")
    ids = [send(ses, f"p{n}@reader.example") for n in range(3)]
    ses.create_tenant(TenantName="kept", SuppressionAttributes={"SuppressionScope": "TENANT"})
    ses.put_suppressed_destination(EmailAddress="gone@reader.example", Reason="BOUNCE")
    tenant = ses.get_tenant(TenantName="kept")["Tenant"]
    tokens = ses.get_email_identity(EmailIdentity="news.example.com")["DkimAttributes"]["Tokens"]
    assert first.stop()[0] == 0

    second = start()
    ses = second.client("sesv2")
    ids.append(send(ses))
    assert [line["message_id"] for line in second.journal()] == ids
    assert len(set(ids)) == 4
    assert [line["n"] for line in second.journal()] == [0, 1, 2, 3]
    assert ses.get_account()["SendQuota"]["SentLast24Hours"] == 4
    assert ses.get_tenant(TenantName="kept")["Tenant"] == tenant
    ses.get_suppressed_destination(EmailAddress="gone@reader.example")
    told = ses.get_email_identity(EmailIdentity="news.example.com")
    assert told["DkimAttributes"]["Tokens"] == tokens
    assert told["VerifiedForSendingStatus"] is True


@pytest.mark.crash
def test_kill_9_loses_no_answered_acceptance(start):
    running = start()
    answered, lock = [], threading.Lock()

    def work(number):
        client = running.client("sesv2")
        for nth in range(10_000):
            try:
                found = send(client, f"p{number}-{nth}@reader.example", f"{number}-{nth}")
            except BotoCoreError:
                return
            with lock:
                answered.append((found, f"{number}-{nth}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(answered) > 50)
    running.process.kill()
    for thread in threads:
        thread.join(10)
    running.kill()

    again = start()
    kept = {(line["message_id"], line["attempt"]) for line in again.journal()}
    assert set(answered) - kept == set()
    assert len(kept) - len(answered) <= 6  # at most one unanswered a thread
    send(again.client("sesv2"))


def test_a_torn_line_is_cut_off(tmp_path):
    whole = {"n": 0, "at": 5.0, "message_id": "m"}
    (tmp_path / "journal.jsonl").write_bytes(json.dumps(whole).encode() + b'\n{"n":1,"at":6')
    journal = Journal(tmp_path)
    assert journal.open() == [5.0]
    journal.close()
    assert lines_of(tmp_path) == [whole]


def test_two_simulators_do_not_share_a_home(shared):
    with pytest.raises(HomeTaken, match="in use by another simulator"):
        Journal(shared.home).open()


def test_many_answers_share_one_sync(simulator):
    before = simulator.counters()["journal"]
    clients = [simulator.client("sesv2") for _ in range(12)]

    def work(client):
        for _ in range(5):
            send(client)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = simulator.counters()["journal"]
    assert after["lines"] - before["lines"] == 60
    assert 0 < after["commits"] - before["commits"] <= 60


def test_a_sink_writes_the_journal_when_it_likes_and_at_the_end(start):
    running = start("--sink")
    ids = [send(running.client("sesv2")) for _ in range(3)]
    assert running.counters()["journal"]["commits"] == 0
    assert (running.home / "token").stat().st_mode & 0o077 == 0
    assert (running.home / "token").read_text() == running.told["token"]
    running.process.send_signal(signal.SIGINT)
    assert running.gone() == (0, "")
    assert [line["message_id"] for line in running.journal()] == ids


def test_sigterm_ends_it_in_order_while_somebody_hangs_and_no_address_was_logged(start):
    running = start()
    client = running.client("sesv2")
    for word in ("dropafter", "e500before", "html200"):
        with contextlib.suppress(BotoCoreError, ClientError):
            send(client, f"{word}+secret@reader.example")
    thread = threading.Thread(target=lambda: _hang(client))
    thread.start()
    eventually(lambda: len(running.journal()) == 3)
    assert running.stop() == (0, "")
    thread.join(10)


def _hang(client):
    with pytest.raises(BotoCoreError):
        send(client, "hang@reader.example")


def test_it_goes_when_its_parent_goes(tmp_path, keyring):
    home = tmp_path / "home"
    keyring_home = home / "keys"
    keyring_home.parent.mkdir()
    keyring_home.symlink_to(keyring)
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'tpma.simulator', '--home', sys.argv[1],"
        " '--with-parent'], stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, home],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        child = json.loads(parent.stdout.readline())["pid"]
        parent.kill()
    eventually(lambda: _is_gone(child))


def _is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_wrong_plan_ends_it_with_one_line(start):
    with pytest.raises(RuntimeError, match="accounts is no part of a plan"):
        start(plan={"accounts": {}})


def test_a_plan_that_is_no_json_is_told(tmp_path):
    wrong = tmp_path / "plan.json"
    wrong.write_text("{")
    told = CliRunner().invoke(simulator_command, ["--home", str(tmp_path), "--plan", str(wrong)])
    assert told.exit_code == 1
    assert "plan.json is not JSON" in told.output
