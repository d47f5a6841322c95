"""The waves of a turn: two halves under way where threads hide the provider's latency."""

import time
from collections import Counter
from dataclasses import replace
from threading import Barrier, get_ident

import pytest
from sqlalchemy import func, select

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import engine, handing_over
from tpma.sending.handing_over import Spent
from tpma.sending.models import Message, SendState
from tpma.worker.loop import settle

THROTTLED = SendResult(Outcome.NOT_SENT, code="Throttling", scope=Scope.ACCOUNT, retry_after=2.0)
IN_FLIGHT = 4  # so a wave is two mails


@pytest.fixture
def running(session):
    launch = make.running_launch(contacts=8)
    session.commit()
    return launch


def _far(script=None):
    """A provider whose answers take a while: threads are worth it."""

    def answer(envelope):
        time.sleep(0.02)
        return script(envelope) if script else None

    mail = FakeMail(answer)
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
    together = Barrier(3, timeout=10)

    def wait(envelope):
        # The first call is made alone; then the rest of its half and all of the next are.
        if 1 <= mail.asked.index(envelope) <= 3:
            together.wait()

    mail = _far(wait)
    assert _drain(system, mail) == 8
    assert not together.broken
    assert look.states(db, running.id) == ["accepted"] * 8


def test_a_provider_that_answers_at_once_is_worth_no_thread(running, system, monkeypatch):
    monkeypatch.setattr(handing_over, "_SWITCH", 10)  # so that a busy machine is at once, too
    threads = set()
    mail = FakeMail(lambda _envelope: threads.add(get_ident()))
    mail.capabilities = replace(mail.capabilities, parallel=True)
    assert _drain(system, mail) == 8
    assert threads == {get_ident()}


@pytest.mark.parametrize(
    ("busy", "away", "worth"),
    [(2, 0.1, 1), (2, 1, 2), (2, 6, 4), (2, 80, 41), (0, 0.05, 1)],
)
def test_as_many_threads_are_worth_it_as_fill_the_wait_of_one(busy, away, worth):
    spent = Spent()
    for slower in (3, 1, 2):  # waiting for the interpreter makes calls longer, never shorter
        spent.add(busy * slower / 1000, away * slower / 1000)
    assert spent.worth == worth


def test_no_more_is_ever_in_doubt_than_may_be_in_flight(db, running, system):
    seen = []
    mail = _far(lambda _envelope: seen.append(_under_way(db)))
    _drain(system, mail)
    assert len(seen) == 8
    assert max(seen) <= IN_FLIGHT


def test_not_now_to_one_half_is_said_to_both(db, running, system, clock):
    mail = _far(lambda _envelope: THROTTLED)
    _drain(system, mail)
    assert len(mail.asked) <= IN_FLIGHT
    assert look.states(db, running.id) == ["queued"] * 8
    mail.script = None  # all is taken from now on
    clock.forward(seconds=60)
    settle(look.by(system, mail, send_in_flight=IN_FLIGHT))
    assert Counter(mail.recipients).most_common(1)[0][1] == 1
    assert look.states(db, running.id) == ["accepted"] * 8


def test_a_pause_lets_out_what_was_committed_and_no_more(db, running, system):
    def pause_once(_envelope):
        if len(mail.asked) == 1:
            look.pause(db, running)

    mail = _far(pause_once)
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
    mail = _far()
    _drain(system, mail)
    assert len(mail.taken) == IN_FLIGHT
    assert look.states(db, running.id) == ["accepted"] * 4 + ["queued"] * 4
