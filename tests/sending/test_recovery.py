"""After a death: what was on its way is found, proved, or honestly called unconfirmed."""

import pytest
from sqlalchemy import select, update

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.core.errors import Conflict
from tpma.identity.models import AuditLog, Organisation
from tpma.launches import service as launches
from tpma.launches.models import LaunchState
from tpma.ports.mail import Lookup, Outcome, Scope, SendResult
from tpma.sending import engine, feedback, outcomes, recovery, resending, service
from tpma.sending.handing_over import CALL_SECONDS, LONGEST_CALL
from tpma.sending.models import Message, SendState
from tpma.tracking import unsubscribing
from tpma.worker.loop import settle

DOUBTFUL = SendResult(Outcome.MAYBE, code="ReadTimeoutError")


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
    clock.forward(seconds=CALL_SECONDS + LONGEST_CALL + 11)
    assert recovery.doubt_abandoned(dead) == 3
    assert look.states(db, running.id) == ["in_doubt"] * 3


def test_doubt_comes_only_after_the_longest_call_there_can_be(db, running, system, clock):
    mail = FakeMail()
    _die_after(0, mail, system)
    clock.forward(seconds=CALL_SECONDS + LONGEST_CALL)
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
        recipients = engine.preparing.waiting(own, lease.chunk_id, 50, clock())
        batch = engine.preparing.prepare(own, slow, launch.id, recipients)
    committed = engine._commit_intent(slow, lease, batch.ready)
    clock.forward(minutes=5)
    recovery.doubt_abandoned(slow)

    def late(result):
        outcomes.record(slow, lease, [(committed[0], result)])

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


@pytest.fixture
def unconfirmed(db, running, system, clock):
    """A launch of three whose mails nobody can tell the end of."""
    engine.drain(look.by(system, FakeMail(lambda _e: DOUBTFUL)), look.owner())
    clock.forward(hours=25)
    recovery.tick(look.by(system, FakeMail()))
    assert look.states(db, running.id) == ["unconfirmed"] * 3
    return running


def _resend(db, launch):
    with db.transaction() as session:
        factories.bind(session)
        company = session.get_one(Organisation, launch.tenant_id)
        own = launches.get(session, launch.tenant_id, launch.id)
        return resending.resend(session, make.actor(make.member_of(company)), own)


def test_a_person_may_send_the_unconfirmed_again(db, unconfirmed, system):
    assert _resend(db, unconfirmed) == 3
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    assert look.states(db, unconfirmed.id) == ["accepted"] * 3
    assert {envelope.name[-2:] for envelope in mail.taken} == {"g2"}


def test_nobody_gets_a_third_copy(db, unconfirmed, system, clock):
    _resend(db, unconfirmed)
    engine.drain(look.by(system, FakeMail(lambda _e: DOUBTFUL)), look.owner())
    clock.forward(hours=25)
    recovery.tick(look.by(system, FakeMail()))
    with pytest.raises(Conflict):
        _resend(db, unconfirmed)
    assert look.states(db, unconfirmed.id) == ["unconfirmed"] * 3


def test_who_unsubscribed_meanwhile_gets_no_second_copy(db, unconfirmed, system, clock):
    with db.transaction() as session:
        own = session.get_one(Message, look.messages(db, unconfirmed.id)[0].id)
        unsubscribing.unsubscribe(session, own, make.visit(clock()), unsubscribing.ONE_CLICK)
    _resend(db, unconfirmed)
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    assert len(mail.taken) == 2


def test_the_decision_to_send_again_is_in_the_audit_log(db, unconfirmed):
    _resend(db, unconfirmed)
    with db.reading() as session:
        row = session.scalars(
            select(AuditLog).where(AuditLog.action == "launch.resend_unconfirmed")
        ).one()
    assert row.detail["mails"] == 3


def test_an_event_of_the_first_copy_stops_the_second(db, unconfirmed, system, clock):
    first = look.attempts(db)[0]
    _resend(db, unconfirmed)
    feedback.ingest(system, look.event(first.id, "send", clock()))
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    assert len(mail.taken) == 2
    assert look.states(db, unconfirmed.id) == ["accepted"] * 3
