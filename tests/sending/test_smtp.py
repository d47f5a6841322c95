"""A launch by SMTP, through the engine: nobody gets two mails, whatever the server does."""

import email
import random
from collections import Counter
from email.policy import default as modern

import pytest

from tests import factories
from tests.contracts.smtp_server import ScriptedSmtp, drop, hang, slam
from tests.factories import launches as make
from tests.factories import sending as look
from tpma import jobs
from tpma.adapters.mail_smtp import SmtpMail
from tpma.adapters.smtp_session import Patience
from tpma.adapters.verp import Verp
from tpma.core.servers import smtp_server
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.sending import engine
from tpma.worker.loop import settle

PEOPLE = 20


@pytest.fixture
def server():
    with ScriptedSmtp() as found:
        yield found


@pytest.fixture
def verp(system):
    return Verp(system.signer, "bounce.mail.example")


@pytest.fixture
def by_smtp(system, server, verp):
    mail = SmtpMail(
        smtp_server(f"smtp://127.0.0.1:{server.port}"),
        verp,
        helo="mail.example",
        patience=Patience(connect=1, command=0.2, end=0.2),
    )
    yield look.by(system, mail)
    mail.close()


def _launch(system):
    with system.db.transaction() as session:
        factories.bind(session)
        return make.running_launch(contacts=PEOPLE).id


def _run(system, clock, launch_id):
    """Until nothing is queued; the server's troubles are used up some day.

    A launch whose first mails are refused pauses itself: somebody looks at it and resumes it.
    """
    while "queued" in look.states(system.db, launch_id):
        if not engine.drain(system, "one"):
            clock.forward(seconds=61)
            _resume(system, launch_id)


def _resume(system, launch_id):
    with system.db.transaction() as session:
        launch = session.get_one(Launch, launch_id)
        if launch.state is LaunchState.PAUSED:
            launches.resume(session, None, launch)


def _readers(server):
    """How many copies the server has for each address: the truth, whatever we were told."""
    return Counter(
        got.rcpt.removeprefix("RCPT TO:<").split(">")[0] for got in server.got if got.kept
    )


def test_a_launch_arrives_once_each_with_a_return_path_of_its_attempt(by_smtp, server, verp):
    launch_id = _launch(by_smtp)
    settle(by_smtp)
    assert look.states(by_smtp.db, launch_id) == ["accepted"] * PEOPLE
    assert set(_readers(server).values()) == {1}
    assert len(server.got) == PEOPLE
    for got in server.got:
        head = email.message_from_bytes(got.raw, policy=modern)
        sender = got.mail.removeprefix("MAIL FROM:").split(" ")[0]
        assert verp.attempt(sender) == head["X-TPMA-Attempt"]
        assert head["To"].addresses[0].addr_spec in _readers(server)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_the_server_does_nobody_gets_two_and_every_row_says_what_is_known(
    by_smtp, server, clock, seed
):
    chance = random.Random(seed)
    launch_id = _launch(by_smtp)
    busy, no = b"451 4.3.0 later\r\n", b"550 5.1.1 unknown\r\n"

    def fate(*acts):
        return [chance.choice([None, None, None, *acts]) for _mail in range(25)]

    server.script = {
        "MAIL": fate(drop, slam, b"421 4.3.2 later\r\n"),
        "RCPT": fate(drop, busy, no),
        "DATA": fate(drop, busy),
        "END": fate(drop, hang, busy, no),
    }
    _run(by_smtp, clock, launch_id)
    arrived = _readers(server)
    messages = look.messages(by_smtp.db, launch_id)
    states = Counter(message.send_state.value for message in messages)
    assert set(arrived.values()) == {1}
    assert set(states) <= {"accepted", "in_doubt", "failed"}
    assert states["accepted"] <= len(arrived) <= states["accepted"] + states["in_doubt"]
    assert states["in_doubt"] > 0


def test_a_notice_in_german_is_a_clean_mail_and_arrives(by_smtp, server):
    with by_smtp.db.transaction() as session:
        jobs.enqueue(
            session,
            "sending.notice",
            by_smtp.clock(),
            cause="test",
            recipient="jonas@rheinwerk.example",
            subject="Grüße aus Köln",
            body="Schön, dass Sie da sind.\n\n.\n\n" + "ü" * 2000,
            locale="de",
        )
    settle(by_smtp)
    [got] = server.got
    mail = email.message_from_bytes(got.raw, policy=modern)
    assert mail["Subject"] == "Grüße aus Köln"
    assert "Schön" in mail.get_body(("plain",)).get_content()
