"""The engine on real databases: one mail a person, and nothing after a stop."""

import email
from collections import Counter
from email.policy import default as modern
from threading import Barrier, Thread
from uuid import UUID

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.audiences import service as audiences
from tpma.audiences.models import Contact, SuppressedDomain, SuppressionScope
from tpma.identity.models import Organisation
from tpma.launches import service as launches
from tpma.launches.models import LaunchState
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import engine, service
from tpma.sending.handing_over import HandOver
from tpma.sending.models import Attempt, Message, OutboxMail, SendState
from tpma.tracking import unsubscribing
from tpma.worker.loop import settle

THROTTLED = SendResult(Outcome.NOT_SENT, code="Throttling", scope=Scope.ACCOUNT, retry_after=2.0)
REFUSED = SendResult(Outcome.REFUSED, code="MessageRejected")
DOUBTFUL = SendResult(Outcome.MAYBE, code="ReadTimeoutError")


@pytest.fixture
def running(session):
    launch = make.running_launch(contacts=5)
    session.commit()
    return launch


def _addresses(db, launch):
    with db.reading() as session:
        return sorted(session.scalars(select(Contact.email)).all())


def test_everybody_gets_one_mail_and_the_launch_collects(db, session, system):
    launch = make.scheduled_launch(contacts=5)
    session.commit()
    settle(system)
    assert look.states(db, launch.id) == ["accepted"] * 5
    assert look.launch(db, launch.id).state is LaunchState.COLLECTING
    files = list(system.settings.outbox_folder.glob("new/*.eml"))
    sent = [email.message_from_bytes(file.read_bytes(), policy=modern) for file in files]
    assert sorted(m["To"].addresses[0].addr_spec for m in sent) == _addresses(db, launch)


def test_every_mail_in_the_outbox_is_in_the_mailbox(db, running, system):
    engine.drain(system, look.owner())
    with db.reading() as session:
        rows = session.scalars(select(OutboxMail)).all()
    assert {row.provider_id for row in rows} == {
        file.stem for file in system.settings.outbox_folder.glob("new/*.eml")
    }


def test_an_accepted_message_has_an_attempt_with_its_outcome(db, running, system):
    engine.drain(system, look.owner())
    assert [a.outcome for a in look.attempts(db)] == ["accepted"] * 5


def test_sending_again_sends_nothing(db, running, system):
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    assert engine.drain(look.by(system, mail), look.owner()) == 0
    assert Counter(mail.recipients).most_common(1)[0][1] == 1


def test_no_byte_leaves_before_its_intent_is_committed(db, running, system):
    def script(envelope):
        with db.reading() as session:
            attempt = session.get(Attempt, UUID(hex=envelope.attempt_id))
            assert session.get_one(Message, attempt.message_id).send_state is SendState.SUBMITTING

    mail = FakeMail(script)
    assert engine.drain(look.by(system, mail), look.owner()) == 5


def test_a_pause_stops_after_the_batch_under_way(db, running, system):
    def pause_once(_envelope):
        if len(mail.asked) == 1:
            look.pause(db, running)

    mail = FakeMail(pause_once)
    engine.drain(look.by(system, mail, send_batch=2), look.owner())
    assert look.states(db, running.id) == ["accepted"] * 2 + ["queued"] * 3


def test_resumed_the_rest_leaves(db, running, system):
    mail = FakeMail()
    for step in (launches.pause, launches.resume):
        with db.transaction() as session:
            step(session, None, launches.get(session, running.tenant_id, running.id))
    engine.drain(look.by(system, mail), look.owner())
    assert len(mail.taken) == 5


def test_a_stopped_launch_sends_no_more(db, running, system):
    mail = FakeMail()
    engine.drain(look.by(system, mail, send_batch=2), look.owner(), most_batches=1)
    _stop(db, running)
    engine.drain(look.by(system, mail), look.owner())
    assert look.states(db, running.id) == ["accepted"] * 2 + ["cancelled"] * 3
    assert len(mail.taken) == 2


def _stop(db, launch):
    with db.transaction() as session:
        company = session.get_one(Organisation, launch.tenant_id)
        factories.bind(session)
        actor = make.actor(make.member_of(company))
        service.stop(session, actor, launches.get(session, launch.tenant_id, launch.id))


def test_what_comes_back_to_a_stopped_launch_is_cancelled(db, running, system):
    def stop_then_refuse(_envelope):
        _stop(db, running)
        return THROTTLED

    throttled = look.by(system, FakeMail(stop_then_refuse), send_batch=1)
    engine.drain(throttled, look.owner(), most_batches=1)
    assert look.states(db, running.id) == ["cancelled"] * 4 + ["queued"]
    settle(throttled)
    assert look.states(db, running.id) == ["cancelled"] * 5


def test_after_an_unsubscribe_nothing_leaves(db, running, system):
    rows = look.messages(db, running.id)
    with db.transaction() as session:
        for row in rows:
            own = session.get_one(Message, row.id)
            unsubscribing.unsubscribe(
                session, own, make.visit(system.clock()), unsubscribing.ONE_CLICK
            )
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    assert mail.asked == []
    assert look.states(db, running.id) == ["skipped"] * 5


def test_an_unsubscribe_between_reading_and_intent_still_counts(db, running, system, monkeypatch):
    """The mail is rendered already; the intent is not yet committed."""
    commit_intent = engine._commit_intent

    def late(system, lease, prepared):
        with db.transaction() as session:
            own = session.get_one(Message, prepared[0].recipient.message_id)
            unsubscribing.unsubscribe(session, own, make.visit(system.clock()), "page")
        return commit_intent(system, lease, prepared)

    monkeypatch.setattr(engine, "_commit_intent", late)
    mail = FakeMail()
    engine.drain(look.by(system, mail, send_batch=50), look.owner(), most_batches=1)
    assert len(mail.asked) == 4


def test_a_domain_blocked_between_reading_and_intent_still_counts(db, running, system, monkeypatch):
    """Until then nobody blocked any, and domains were not even asked about."""
    commit_intent = engine._commit_intent
    with db.transaction() as session:
        first = session.scalars(select(Contact).order_by(Contact.id)).first()
        first.email = first.email_norm = "ada@eu.blocked.example"

    def late(system, lease, prepared):
        with db.transaction() as session:
            whose = {"tenant_id": running.tenant_id, "scope": SuppressionScope.PARTNER}
            session.add(SuppressedDomain(domain="blocked.example", subdomains=True, **whose))
        return commit_intent(system, lease, prepared)

    monkeypatch.setattr(engine, "_commit_intent", late)
    mail = FakeMail()
    engine.drain(look.by(system, mail, send_batch=50), look.owner(), most_batches=1)
    assert len(mail.asked) == 4
    assert "ada@eu.blocked.example" not in {envelope.rcpt_to for envelope in mail.asked}


def test_an_unsubscribe_racing_the_intent_is_wholly_before_or_after(db, session, system):
    launch = make.running_launch(contacts=12)
    session.commit()
    ready = Barrier(2)
    withdrawn: set[int] = set()

    def withdraw():
        ready.wait(10)
        for row in look.messages(db, launch.id):
            with db.transaction() as own:
                message = own.get_one(Message, row.id)
                unsubscribing.unsubscribe(own, message, make.visit(system.clock()), "page")
                if message.send_state is SendState.QUEUED and _is_queued(own, row.id):
                    withdrawn.add(row.id)

    mail = FakeMail()
    racing = Thread(target=withdraw)
    racing.start()
    ready.wait(10)
    engine.drain(look.by(system, mail, send_batch=1), look.owner())
    racing.join(60)
    sent = {int(envelope.name[1:].split("-")[0]) for envelope in mail.taken}
    assert not sent & withdrawn


def _is_queued(session, message_id):
    """Read inside the unsubscribing transaction, which holds the person's lock."""
    return (
        session.scalar(select(Message.send_state).where(Message.id == message_id))
        is SendState.QUEUED
    )


def test_an_erased_person_is_skipped_not_failed(db, running, system):
    with db.transaction() as session:
        person = session.get_one(Contact, look.messages(db, running.id)[0].contact_id)
        audiences.erase(session, None, person)
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    assert look.states(db, running.id) == ["accepted"] * 4 + ["skipped"]


def test_a_throttle_loses_nothing(db, running, system, clock):
    answers = iter([None, THROTTLED, THROTTLED])
    mail = FakeMail(lambda _envelope: next(answers, None))
    slow = look.by(system, mail, send_batch=3)
    engine.drain(slow, look.owner())
    assert look.states(db, running.id) == ["accepted", "queued", "queued", "queued", "queued"]
    clock.forward(seconds=3)
    engine.drain(slow, look.owner())
    clock.forward(seconds=3)
    engine.drain(slow, look.owner())
    assert look.states(db, running.id) == ["accepted"] * 5
    assert sorted(mail.recipients) == sorted(set(mail.recipients))


def test_after_a_throttle_the_rest_of_the_batch_is_not_even_tried(running, system):
    mail = FakeMail(lambda _envelope: THROTTLED)
    engine.drain(look.by(system, mail), look.owner())
    assert len(mail.asked) == 1


def test_days_of_not_now_cost_a_message_nothing(db, running, system, clock, monkeypatch):
    monkeypatch.setattr("tpma.sending.preparing.MOST_REQUEUES", 3)
    mail = FakeMail(lambda _envelope: THROTTLED)
    slow = look.by(system, mail)
    for _try in range(7):
        engine.drain(slow, look.owner())
        clock.forward(hours=8)
    mail.script = None
    engine.drain(slow, look.owner())
    assert look.states(db, running.id) == ["accepted"] * 5


def test_a_message_that_comes_back_for_three_days_is_buried(
    db, session, system, clock, monkeypatch
):
    monkeypatch.setattr("tpma.sending.preparing.MOST_REQUEUES", 3)
    launch = make.running_launch(contacts=1)
    session.commit()
    slow = look.by(system, FakeMail(lambda _envelope: THROTTLED))
    for _try in range(6):
        engine.drain(slow, look.owner())
        clock.forward(hours=20)
    row = look.messages(db, launch.id)[0]
    assert (row.send_state, row.reason) == (SendState.DEAD, "too_many_requeues")


def test_a_refused_message_fails_with_its_reason_and_alone(db, running, system):
    first = look.messages(db, running.id)[0]
    mail = FakeMail(lambda e: REFUSED if e.name.startswith(f"m{first.id}-") else None)
    engine.drain(look.by(system, mail), look.owner())
    assert look.states(db, running.id) == ["accepted"] * 4 + ["failed"]
    assert look.messages(db, running.id)[0].reason == "MessageRejected"


def test_what_nobody_can_tell_is_never_sent_again_by_itself(db, running, system, clock):
    mail = FakeMail(lambda _envelope: DOUBTFUL)
    doubtful = look.by(system, mail)
    for _hour in range(30):
        settle(doubtful)
        clock.forward(hours=1)
    assert len(mail.asked) == 5
    assert look.states(db, running.id) == ["unconfirmed"] * 5


@pytest.mark.parametrize("name", ["Eve\r\nBcc: all@reader.example", "A\x00da", "\u2028"])
def test_a_broken_name_fails_alone(db, session, system, name):
    launch = make.running_launch(contacts=3)
    person = session.get_one(Contact, look_first(session, launch).contact_id)
    person.family_name = name.replace("\x00", "\x01")  # PostgreSQL keeps no NUL at all
    session.commit()
    mail = FakeMail()
    engine.drain(look.by(system, mail), look.owner())
    row = look.messages(db, launch.id)[0]
    assert (row.send_state, row.reason) == (SendState.FAILED, "invalid_to_name")
    assert len(mail.taken) == 2
    assert not any(b"\nBcc:" in envelope.raw for envelope in mail.taken)


def look_first(session, launch):
    return session.scalars(
        select(Message).where(Message.launch_id == launch.id).order_by(Message.id)
    ).first()


def test_a_mail_that_cannot_be_built_is_told_and_in_nobodys_way(db, session, system):
    launch = make.running_launch(contacts=3)
    look_first(session, launch).locale = "tlh"  # never frozen
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    assert look.states(db, launch.id) == ["accepted", "accepted", "dead"]


def test_a_chunk_that_fails_as_a_whole_is_put_off_and_the_others_go_on(db, session, system):
    bad = make.running_launch(contacts=1)
    good = make.running_launch(contacts=1)
    bad.frozen_manifest = {**bad.frozen_manifest, "steps": None}
    session.commit()

    engine.drain(look.by(system, FakeMail()), look.owner())
    assert look.states(db, bad.id) == ["queued"]
    assert look.states(db, good.id) == ["accepted"]


def test_a_dead_workers_chunk_is_free_when_its_lease_ends(db, running, system, clock):
    assert engine.claim(system, look.owner()) is not None
    assert engine.claim(system, look.owner()) is None
    clock.forward(seconds=system.settings.lease_seconds + 1)
    assert engine.claim(system, look.owner()) is not None


def test_a_worker_that_lost_its_lease_sends_nothing(running, system, clock):
    slow, quick = look.owner(), look.owner()
    lease = engine.claim(system, slow)
    clock.forward(seconds=system.settings.lease_seconds + 1)
    engine.claim(system, quick)
    mail = FakeMail()
    by = look.by(system, mail)
    assert engine.send_batch(by, lease, HandOver(by)) == 0
    assert mail.asked == []


def test_two_workers_at_once_send_each_mail_once(db, session, system, monkeypatch):
    monkeypatch.setattr("tpma.sending.queueing.CHUNK", 40)
    launch = make.running_launch(contacts=300)
    session.commit()
    mail = FakeMail()
    both = look.by(system, mail)
    workers = [Thread(target=engine.drain, args=(both, look.owner())) for _worker in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert len(mail.recipients) == len(set(mail.recipients)) == 300
    assert look.states(db, launch.id) == ["accepted"] * 300


def test_what_waits_when_its_launch_is_over_expires(db, running, system, clock):
    clock.forward(days=91)
    with db.transaction() as session:
        assert service.expire(session, clock()) == 5
    assert look.states(db, running.id) == ["expired"] * 5
