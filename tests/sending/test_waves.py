"""The waves of a turn: two halves under way where threads hide the provider's latency."""

from collections import Counter
from dataclasses import replace
from threading import Barrier

import pytest
from sqlalchemy import func, select

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.launches import service as launches
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import engine
from tpma.sending.models import Message, SendState
from tpma.worker.loop import settle

THROTTLED = SendResult(Outcome.NOT_SENT, code="Throttling", scope=Scope.ACCOUNT, retry_after=2.0)
IN_FLIGHT = 4  # so a wave is two mails


@pytest.fixture
def running(session):
    launch = make.running_launch(contacts=8)
    session.commit()
    return launch


def _many_at_a_time(script=None):
    mail = FakeMail(script)
    mail.capabilities = replace(mail.capabilities, parallel=True)
    return mail


def _drain(system, mail):
    wide = look.by(system, mail, send_in_flight=IN_FLIGHT, send_threads=IN_FLIGHT)
    return engine.drain(wide, look.owner())


def _under_way(db):
    with db.reading() as session:
        return session.scalar(
            select(func.count()).where(Message.send_state == SendState.SUBMITTING)
        )


def test_both_halves_are_on_the_network_at_once(db, running, system):
    together = Barrier(IN_FLIGHT, timeout=10)

    def wait(_envelope):
        together.wait()

    mail = _many_at_a_time(wait)
    assert _drain(system, mail) == 8
    assert look.states(db, running.id) == ["accepted"] * 8


def test_no_more_is_ever_in_doubt_than_may_be_in_flight(db, running, system):
    seen = []
    mail = _many_at_a_time(lambda _envelope: seen.append(_under_way(db)))
    _drain(system, mail)
    assert len(seen) == 8
    assert max(seen) <= IN_FLIGHT


def test_not_now_to_one_half_is_said_to_both(db, running, system, clock):
    mail = _many_at_a_time(lambda _envelope: THROTTLED)
    _drain(system, mail)
    assert len(mail.asked) <= IN_FLIGHT
    assert look.states(db, running.id) == ["queued"] * 8
    mail.script = None
    clock.forward(seconds=60)
    settle(look.by(system, mail, send_in_flight=IN_FLIGHT))
    assert Counter(mail.recipients).most_common(1)[0][1] == 1
    assert look.states(db, running.id) == ["accepted"] * 8


def test_a_pause_lets_out_what_was_committed_and_no_more(db, running, system):
    def pause_once(_envelope):
        if len(mail.asked) == 1:
            with db.transaction() as session:
                launches.pause(session, None, launches.get(session, running.tenant_id, running.id))

    mail = _many_at_a_time(pause_once)
    _drain(system, mail)
    assert 1 <= len(mail.asked) <= IN_FLIGHT
    found = Counter(look.states(db, running.id))
    assert found == {"accepted": len(mail.asked), "queued": 8 - len(mail.asked)}


def test_a_turn_that_breaks_writes_down_what_is_under_way(db, running, system, monkeypatch):
    commit, calls = engine._commit_intent, []

    def breaks_at_the_third(*given):
        calls.append(given)
        if len(calls) == 3:
            raise ValueError("a fault of ours")
        return commit(*given)

    monkeypatch.setattr(engine, "_commit_intent", breaks_at_the_third)
    mail = _many_at_a_time()
    _drain(system, mail)
    assert len(mail.taken) == IN_FLIGHT
    assert look.states(db, running.id) == ["accepted"] * 4 + ["queued"] * 4
