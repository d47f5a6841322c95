"""After a death: what was on its way is found, proved, or honestly called unconfirmed."""

import pytest
from sqlalchemy import update

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.launches.models import LaunchState
from tpma.ports.mail import Lookup, Outcome, Scope, SendResult
from tpma.sending import engine, outcomes, recovery, service
from tpma.sending.models import Message, SendState
from tpma.worker.loop import settle


class Died(BaseException):
    """What a kill looks like from the inside: nothing after it runs."""


@pytest.fixture
def running(session):
    launch = make.running_launch(contacts=3)
    session.commit()
    return launch


def _die_after(submissions, mail, system):
    """A worker that is killed after so many submissions; the rest of its batch never left."""

    def script(_envelope):
        if len(mail.asked) > submissions:
            raise Died

    mail.script = script
    with pytest.raises(Died):
        engine.drain(look.by(system, mail), look.owner())
    mail.script = None


def test_a_batch_whose_worker_died_is_in_doubt_when_its_lease_ends(db, running, system, clock):
    mail = FakeMail()
    _die_after(1, mail, system)
    dead = look.by(system, mail)
    assert recovery.doubt_abandoned(dead) == 0
    clock.forward(seconds=engine.CALL_SECONDS + engine.LONGEST_CALL + 11)
    assert recovery.doubt_abandoned(dead) == 3
    assert look.states(db, running.id) == ["in_doubt"] * 3


def test_doubt_comes_only_after_the_longest_call_there_can_be(db, running, system, clock):
    mail = FakeMail()
    _die_after(0, mail, system)
    clock.forward(seconds=engine.CALL_SECONDS + engine.LONGEST_CALL)
    assert recovery.doubt_abandoned(look.by(system, mail)) == 0


def test_the_outbox_says_which_were_kept_and_the_rest_is_sent(db, running, system, clock):
    """An idempotent transport proves absence, so nobody is lost and nobody gets two."""
    mail = FakeMail(idempotent=True)
    _die_after(1, mail, system)
    mail.known = {e.name: Lookup.FOUND for e in mail.taken}
    mail.known |= {
        f"m{m.id}-g1": Lookup.ABSENT_PROVEN
        for m in look.messages(db, running.id)
        if f"m{m.id}-g1" not in mail.known
    }
    clock.forward(seconds=system.settings.lease_seconds + 1)
    settle(look.by(system, mail))
    clock.forward(seconds=10)
    settle(look.by(system, mail))
    assert look.states(db, running.id) == ["accepted"] * 3
    assert len(mail.recipients) == len(set(mail.recipients)) == 3


def test_a_provider_that_cannot_tell_leaves_the_doubt(db, running, system, clock):
    mail = FakeMail()
    _die_after(1, mail, system)
    clock.forward(hours=23)
    settle(look.by(system, mail))
    assert look.states(db, running.id) == ["in_doubt"] * 3
    assert len(mail.taken) == 1


def test_after_a_day_without_evidence_it_is_called_unconfirmed(db, running, system, clock):
    mail = FakeMail()
    _die_after(1, mail, system)
    clock.forward(hours=25)
    settle(look.by(system, mail))
    assert look.states(db, running.id) == ["unconfirmed"] * 3
    assert look.launch(db, running.id).state is LaunchState.COLLECTING


@pytest.fixture
def zombie(db, session, system, clock):
    """A message in doubt, and the worker that still holds its answer."""
    launch = make.running_launch(contacts=1)
    session.commit()
    mail = FakeMail()
    slow = look.by(system, mail)
    lease = engine.claim(slow, look.owner())
    with db.reading() as own:
        recipients = engine.preparing.waiting(own, lease.chunk_id, 50)
        batch = engine.preparing.prepare(own, slow, launch.id, recipients)
    committed = engine._commit_intent(slow, lease, batch.ready)
    clock.forward(minutes=5)
    recovery.doubt_abandoned(slow)

    def late(result):
        outcomes.record(slow, lease.chunk_id, [(committed[0], result)])

    return launch, slow, late


def test_good_news_that_comes_late_is_still_news(db, zombie):
    launch, _system, late = zombie
    late(SendResult(Outcome.ACCEPTED, "id-1"))
    assert look.states(db, launch.id) == ["accepted"]


def test_proof_that_comes_late_that_nothing_left_queues_it_again(db, zombie):
    launch, _system, late = zombie
    late(SendResult(Outcome.NOT_SENT, code="Throttling", scope=Scope.ACCOUNT))
    assert look.states(db, launch.id) == ["queued"]


@pytest.mark.parametrize("outcome", [Outcome.MAYBE, Outcome.REFUSED])
def test_other_late_answers_leave_the_doubt(db, zombie, outcome):
    launch, _system, late = zombie
    late(SendResult(outcome, code="late"))
    assert look.states(db, launch.id) == ["in_doubt"]


@pytest.mark.parametrize("state", [SendState.CANCELLED, SendState.SKIPPED, SendState.EXPIRED])
def test_a_late_answer_never_wakes_what_has_ended(db, zombie, state):
    launch, _system, late = zombie
    with db.transaction() as session:
        session.execute(update(Message).values(send_state=state))
    for outcome in Outcome:
        late(SendResult(outcome, "id-1"))
    assert look.states(db, launch.id) == [state.value]


def test_news_of_an_old_attempt_does_not_touch_a_new_one(db, zombie):
    launch, _system, late = zombie
    with db.transaction() as session:
        session.execute(update(Message).values(send_state=SendState.SUBMITTING, attempt_n=2))
    late(SendResult(Outcome.NOT_SENT, code="Throttling"))
    assert look.states(db, launch.id) == ["submitting"]


def test_a_late_acceptance_stops_a_resend(db, zombie):
    launch, _system, late = zombie
    with db.transaction() as session:
        session.execute(update(Message).values(send_state=SendState.QUEUED))
    late(SendResult(Outcome.ACCEPTED, "id-1"))
    assert look.states(db, launch.id) == ["accepted"]


def test_a_launch_with_anything_open_is_not_finished(db, running, system):
    engine.drain(look.by(system, FakeMail(), send_batch=1), look.owner(), most_batches=2)
    assert recovery.finish_launches(system) == 0


@pytest.mark.parametrize(
    "state", [SendState.PLANNED, SendState.QUEUED, SendState.SUBMITTING, SendState.IN_DOUBT]
)
def test_each_open_state_holds_the_finish_back(db, running, system, state):
    engine.drain(look.by(system, FakeMail()), look.owner())
    with db.transaction() as session:
        first = look.messages(db, running.id)[0].id
        session.execute(update(Message).where(Message.id == first).values(send_state=state))
    assert recovery.finish_launches(system) == 0


def test_a_launch_waits_for_its_second_mail(db, session, system, clock):
    launch = make.scheduled_launch(contacts=2, mails=2)
    session.commit()
    settle(system)
    assert look.launch(db, launch.id).state is LaunchState.RUNNING
    clock.forward(days=4, minutes=1)
    settle(system)
    assert look.launch(db, launch.id).state is LaunchState.COLLECTING
    assert look.states(db, launch.id, step=2) == ["accepted"] * 2


def test_a_launch_that_sent_until_its_last_day_ends_at_once(db, running, system, clock):
    clock.forward(days=91)
    with db.transaction() as session:
        service.expire(session, clock())
    recovery.finish_launches(system)
    assert look.launch(db, running.id).state is LaunchState.ENDED
