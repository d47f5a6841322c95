"""What comes back: applied once, in any order, and only to mails of our own."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.audiences.models import Suppression, SuppressionReason
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import engine, feedback
from tpma.sending.models import Attempt, DeliveryFact, EventInbox, Message, SendState

DOUBTFUL = SendResult(Outcome.MAYBE, code="ReadTimeoutError")


@pytest.fixture
def doubtful(db, session, system):
    """One message in doubt: its attempt's id."""
    launch = make.running_launch(contacts=1)
    session.commit()
    engine.drain(look.by(system, FakeMail(lambda _e: DOUBTFUL)), look.owner())
    return launch, look.attempts(db)[0].id


@pytest.fixture
def sent(db, session, system):
    launch = make.running_launch(contacts=1)
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    return launch, look.attempts(db)[0].id


@pytest.mark.parametrize("kind", ["send", "delivered", "bounced_hard", "complained", "delayed"])
def test_any_event_that_names_an_attempt_proves_its_acceptance(db, doubtful, system, clock, kind):
    launch, attempt = doubtful
    assert feedback.ingest(system, look.event(attempt, kind, clock())) == "applied"
    assert look.states(db, launch.id) == ["accepted"]
    assert look.attempts(db)[0].provider_id is None


def test_an_event_stops_a_message_that_was_queued_again(db, sent, system, clock):
    launch, attempt = sent
    with db.transaction() as session:
        session.execute(update(Message).values(send_state=SendState.QUEUED, accepted_at=None))
    feedback.ingest(system, look.event(attempt, "send", clock()))
    assert look.states(db, launch.id) == ["accepted"]


def test_a_second_copy_changes_nothing(db, sent, system, clock):
    launch, attempt = sent
    bounce = look.event(attempt, "bounced_soft", clock(), unique="f1")
    assert feedback.ingest(system, bounce) == "applied"
    before = look.facts(db, look.messages(db, launch.id)[0].id)
    assert feedback.ingest(system, bounce) == "repeated"
    assert look.facts(db, look.messages(db, launch.id)[0].id) == before


def test_two_bounces_with_ids_of_their_own_are_two(db, sent, system, clock):
    launch, attempt = sent
    for unique in ("f1", "f2"):
        feedback.ingest(system, look.event(attempt, "bounced_soft", clock(), unique=unique))
    kinds = [kind for kind, _at, _key in look.facts(db, look.messages(db, launch.id)[0].id)]
    assert kinds.count("bounced_soft") == 2


def test_an_event_of_another_installation_is_never_applied(db, doubtful, system, clock):
    launch, attempt = doubtful
    event = look.event(attempt, "complained", clock(), environment="staging")
    assert feedback.ingest(system, event) == "foreign"
    assert look.states(db, launch.id) == ["in_doubt"]
    assert _suppressions(db) == []


@pytest.mark.parametrize("name", ["0" * 31 + "7", "no-id", "", "x" * 300])
def test_an_attempt_we_never_made_is_an_orphan(db, sent, system, clock, name):
    assert feedback.ingest(system, look.event(name, "complained", clock())) == "orphan"
    assert _suppressions(db) == []


@pytest.mark.parametrize("kind", ["not-spam", "subscription", "rendering failure", "unsubscribed"])
def test_kinds_we_do_not_act_on_are_kept_and_ignored(db, sent, system, clock, kind):
    launch, attempt = sent
    before = look.facts(db, look.messages(db, launch.id)[0].id)
    assert feedback.ingest(system, look.event(attempt, kind, clock())) == "ignored"
    assert look.facts(db, look.messages(db, launch.id)[0].id) == before
    assert _suppressions(db) == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("bounced_hard", SuppressionReason.HARD_BOUNCE),
        ("complained", SuppressionReason.COMPLAINT),
    ],
)
def test_the_address_is_closed_for_this_partner_alone(db, sent, system, clock, kind, reason):
    launch, attempt = sent
    feedback.ingest(system, look.event(attempt, kind, clock()))
    assert [(s.tenant_id, s.reason) for s in _suppressions(db)] == [(launch.tenant_id, reason)]


@pytest.mark.parametrize("kind", ["bounced_soft", "delayed", "delivered", "rejected"])
def test_other_news_closes_no_address(db, sent, system, clock, kind):
    feedback.ingest(system, look.event(sent[1], kind, clock()))
    assert _suppressions(db) == []


def test_who_is_closed_by_a_bounce_gets_no_second_mail(db, session, system, clock):
    from tpma.sending import service

    launch = make.running_launch(contacts=2, mails=2)
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    feedback.ingest(system, look.event(look.attempts(db)[0].id, "bounced_hard", clock()))
    with db.transaction() as own:
        service.queue_step(own, own.get_one(make.Launch, launch.id), 2, clock())
    assert look.states(db, launch.id, step=2) == ["queued", "skipped"]


def _suppressions(db):
    with db.reading() as session:
        return list(session.scalars(select(Suppression)))


_STORY = [
    ("send", 1, ""),
    ("delayed", 2, "d1"),
    ("delivered", 3, "d2"),
    ("bounced_soft", 4, "b1"),
    ("complained", 5, "c1"),
]


def _told(db, system, launch, attempt, clock, story):
    """What stands in the ledger after these events, from the state it was in before any."""
    with db.transaction() as session:
        session.execute(delete(EventInbox))
        session.execute(delete(DeliveryFact))
        session.execute(delete(Suppression))
        session.execute(update(Attempt).values(provider_id=None))
        session.execute(
            update(Message).values(
                send_state=SendState.IN_DOUBT, accepted_at=None, provider_id=None
            )
        )
    for kind, minute, unique in story:
        at = clock() + timedelta(minutes=minute)
        event = look.event(attempt, kind, at, unique=unique, provider_id="p1")
        feedback.ingest(system, event)
    row = look.messages(db, launch.id)[0]
    told = (row.send_state, row.accepted_at, row.provider_id, look.facts(db, row.id))
    return (*told, [s.reason for s in _suppressions(db)])


def test_every_order_of_three_events_ends_the_same(db, doubtful, system, clock):
    launch, attempt = doubtful
    ends = [_told(db, system, launch, attempt, clock, story) for story in permutations(_STORY[:3])]
    assert all(end == ends[0] for end in ends)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(extra=st.lists(st.sampled_from(_STORY), max_size=5), seed=st.randoms(use_true_random=False))
def test_any_order_with_any_copies_ends_the_same(db, doubtful, system, clock, extra, seed):
    launch, attempt = doubtful
    story = [*_STORY, *extra]
    seed.shuffle(story)
    straight = _told(db, system, launch, attempt, clock, _STORY)
    assert _told(db, system, launch, attempt, clock, story) == straight
