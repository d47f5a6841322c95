"""The event plane: any order ends the same, what cannot be placed waits, addresses are closed by
the rules, and the watermark says how far silence can be trusted."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from tests.factories import launches as make
from tests.factories import sending as look
from tests.factories import ses
from tests.fakes import FakeMail
from tpma import jobs
from tpma.adapters import ses_events
from tpma.audiences.models import Suppression
from tpma.ports.events import RawEvent
from tpma.sending import engine, feedback
from tpma.sending.events import counting
from tpma.sending.events.models import EventOrphan
from tpma.sending.models import Attempt, DeliveryFact, EventInbox, Message, SendState
from tpma.worker import handlers
from tpma.worker.loop import settle

handlers.load()


@pytest.fixture
def sent(db, session, system):
    """One mail in doubt: its launch and the id of its attempt, as a tag has it."""
    launch = make.running_launch(contacts=1)
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    _forget(db)
    return launch, look.attempts(db)[0].id.hex


def _forget(db):
    """Back to the doubt: nothing was ever told."""
    with db.transaction() as session:
        for table in (EventInbox, EventOrphan, DeliveryFact, Suppression, jobs.Job):
            session.execute(delete(table))
        session.execute(update(Attempt).values(provider_id=None, outcome="maybe", transport="ses"))
        blank = {"send_state": SendState.IN_DOUBT, "accepted_at": None, "provider_id": None}
        session.execute(update(Message).values(**blank))


def tell(system, *told):
    """Ingest what SES published; what became of each item."""
    return [
        feedback.ingest(system, event)
        for one in told
        for event in ses_events.parse(RawEvent(json.dumps(one), system.clock()))
    ]


def closed(db):
    with db.reading() as session:
        found = session.scalars(select(Suppression).where(Suppression.lifted_at.is_(None)))
        return sorted(entry.reason.value for entry in found)


def row(db, launch):
    """All that events can change of a message."""
    [message] = look.messages(db, launch.id)
    with db.reading() as session:
        facts = session.scalars(select(DeliveryFact).order_by(DeliveryFact.kind, DeliveryFact.at))
        told = {(f.kind, f.at, f.dedupe, f.detail, f.subtype) for f in facts}
    [attempt] = look.attempts(db)
    return (
        (message.send_state, message.accepted_at, message.provider_id, message.attempt_n),
        (attempt.outcome, attempt.provider_id),
        told,
        closed(db),
    )


def pool(attempt):
    """Everything that can be told of one mail, and of others that are none of ours."""
    early, late = "2026-03-02T08:59:01.000Z", "2026-03-02T08:59:30.000Z"
    tagless = ses.delivery("", "2026-03-02T08:59:59.000Z", environment=None)
    return [
        ses.send(attempt),
        ses.delivery(attempt, early),
        ses.delivery(attempt, late),
        ses.event("DeliveryDelay", attempt, delayType="MailboxFull", timestamp=early),
        ses.bounce(attempt, "Transient", "General", feedback="soft-1", stamp=late),
        ses.bounce(attempt, "Transient", "MailboxFull", feedback="soft-3", stamp=early),
        ses.bounce(attempt, "Undetermined", "Undetermined", feedback="soft-2"),
        ses.bounce(attempt, feedback="hard", stamp=late),
        ses.bounce(attempt, recipients=["x@y.example", "z@y.example"], feedback="many"),
        ses.complaint(attempt),
        ses.complaint(attempt, "not-spam", feedback="fb-n"),
        ses.event("Reject", attempt, reason="Bad content"),
        ses.event("Teleported", attempt, to="elsewhere@x.example"),
        ses.complaint(attempt, environment="staging"),
        ses.complaint("f" * 32, message_id="0102-another"),
        tagless,
    ]


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_order_of_any_events_with_any_copies_leaves_the_same_row(db, sent, system, clock, data):
    launch, attempt = sent
    story = data.draw(st.lists(st.sampled_from(pool(attempt)), min_size=2, max_size=6))
    shuffled = data.draw(st.permutations(story))
    ends = []
    for order in (story, shuffled):
        _forget(db)
        tell(system, *order)
        clock.forward(minutes=2)
        feedback.rematch(system)
        ends.append(row(db, launch))
    assert ends[0] == ends[1]


def test_an_event_that_comes_before_its_answer_changes_nothing_of_the_end(
    db, session, system, clock
):
    launch = make.running_launch(contacts=1)
    session.commit()

    def tells_first(envelope):
        told = ses.send(envelope.attempt_id, message_id=f"fake-{envelope.name}")
        assert tell(system, told) == ["applied"]
        assert look.states(db, launch.id) == ["accepted"]

    engine.drain(look.by(system, FakeMail(tells_first)), look.owner())
    [message] = look.messages(db, launch.id)
    assert message.send_state is SendState.ACCEPTED
    assert message.provider_id == f"fake-m{message.id}-g1"
    assert message.accepted_at < clock()  # the provider's own moment
    assert [kind for kind, _at, _key in look.facts(db, message.id)] == ["accepted"]
    assert message.attempt_n == 1


def test_an_event_without_our_tag_waits_for_the_provider_id(db, sent, system, clock):
    launch, attempt = sent
    tagless = ses.bounce("", environment=None)
    assert tell(system, tagless) == ["orphan"]
    assert look.states(db, launch.id) == ["in_doubt"]
    tell(system, ses.send(attempt))
    assert feedback.rematch(system) == 0  # not its turn yet
    clock.forward(minutes=1)
    assert feedback.rematch(system) == 1
    kinds = {kind for kind, _at, _key in look.facts(db, look.messages(db, launch.id)[0].id)}
    assert kinds == {"accepted", "bounced_hard"}
    assert closed(db) == ["hard_bounce"]
    assert tell(system, tagless) == ["repeated"]
    with db.reading() as session:
        assert session.scalars(select(EventOrphan)).all() == []


def test_a_header_names_the_attempt_where_there_are_no_tags(db, sent, system):
    launch, attempt = sent
    told = ses.delivery(attempt, mail={"tags": {}})
    assert tell(system, told) == ["applied"]
    assert look.states(db, launch.id) == ["accepted"]


def test_what_nobody_asks_for_is_given_up_after_a_day(db, sent, system, clock):
    tell(system, ses.complaint("f" * 32, message_id="0102-another"))
    for _hour in range(23):
        clock.forward(hours=1)
        assert feedback.rematch(system) == 0
    clock.forward(hours=1)
    assert feedback.rematch(system) == 1
    with db.reading() as session:
        assert session.scalars(select(EventInbox.status)).all() == ["lost"]
        assert session.scalars(select(EventOrphan)).all() == []
        assert counting.counted(session, "lost") == 1


def test_a_parked_event_holds_no_address(db, sent, system):
    tell(system, ses.bounce("f" * 32, message_id="0102-x", recipients=["ada@reader.example"]))
    with db.reading() as session:
        [parked] = session.scalars(select(EventOrphan))
        kept = session.scalars(select(EventInbox.body)).all()
    assert "ada@" not in json.dumps([parked.event, kept])


def test_an_event_of_another_installation_is_counted_and_never_applied(db, sent, system):
    launch, attempt = sent
    assert tell(system, ses.complaint(attempt, environment="staging")) == ["foreign"]
    assert look.states(db, launch.id) == ["in_doubt"]
    assert closed(db) == []
    with db.reading() as session:
        assert counting.counted(session, "foreign") == 1


def test_of_many_recipients_only_the_one_we_wrote_to_counts(db, sent, system):
    launch, attempt = sent
    told = ses.bounce(attempt, recipients=["x@y.example", "z@y.example"])
    assert tell(system, told) == ["ignored", "ignored"]
    assert look.states(db, launch.id) == ["accepted"]  # it proves the acceptance all the same
    assert closed(db) == []
    with db.reading() as session:
        address = session.scalars(select(make.Contact.email)).first()
    told = ses.bounce(attempt, recipients=["x@y.example", address.upper()], feedback="fb-2")
    assert sorted(tell(system, told)) == ["applied", "ignored"]
    assert closed(db) == ["hard_bounce"]


@pytest.mark.parametrize(
    ("told", "reasons", "fact"),
    [
        (("Permanent", "NoEmail"), ["hard_bounce"], "bounced_hard"),
        (("Permanent", "General"), ["hard_bounce"], "bounced_hard"),
        (("Permanent", "OnAccountSuppressionList"), [], "bounced_hard"),
        (("Permanent", "Suppressed"), [], "bounced_hard"),
        (("Permanent", "UnsubscribedRecipient"), [], "bounced_hard"),
        (("Transient", "General"), [], "bounced_soft"),
        (("Undetermined", "Undetermined"), [], "bounced_soft"),
        (("Brand-new", "Thing"), [], "bounced_soft"),
    ],
)
def test_a_bounce_closes_the_address_only_if_the_mailbox_is_dead(
    db, sent, system, told, reasons, fact
):
    launch, attempt = sent
    assert tell(system, ses.bounce(attempt, *told)) == ["applied"]
    assert closed(db) == reasons
    kinds = {kind for kind, _at, _key in look.facts(db, look.messages(db, launch.id)[0].id)}
    assert fact in kinds


@pytest.mark.parametrize(
    ("sort", "subtype", "reasons", "status"),
    [
        ("abuse", None, ["complaint"], "applied"),
        ("fraud", None, ["complaint"], "applied"),
        (None, None, ["complaint"], "applied"),
        ("brand-new", None, ["complaint"], "applied"),
        ("not-spam", None, [], "ignored"),
        ("Not_Spam", None, [], "ignored"),
        (None, "OnAccountSuppressionList", [], "applied"),
    ],
)
def test_a_complaint_closes_the_address_and_its_contrary_does_not(
    db, sent, system, sort, subtype, reasons, status
):
    assert tell(system, ses.complaint(sent[1], sort, subtype=subtype)) == [status]
    assert closed(db) == reasons


@pytest.fixture
def twice(db, session, system):
    """Two launches of one partner to one person: the ids of the two attempts."""
    first = make.running_launch(contacts=1)
    second = make.running_launch(first.enrolment, contacts=0)
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    named = look.attempts(db)
    assert len(named) == 2
    assert len({m.contact_id for one in (first, second) for m in look.messages(db, one.id)}) == 1
    return [attempt.id.hex for attempt in named]


def soft(attempt, n, subtype="General", stamp=ses.AT):
    return ses.bounce(attempt, "Transient", subtype, feedback=f"{attempt}-{n}", stamp=stamp)


def test_three_soft_bounces_over_two_launches_close_for_ninety_days(db, twice, system, clock):
    first, second = twice
    tell(system, *(soft(first, n) for n in range(4)))
    assert closed(db) == []  # many, but of one launch
    tell(system, soft(second, 1))
    assert closed(db) == ["soft_bounce"]
    clock.forward(days=89)
    settle(system)
    assert closed(db) == ["soft_bounce"]
    clock.forward(days=2)
    settle(system)
    assert closed(db) == []


def test_a_full_mailbox_closes_at_the_fifth(db, twice, system):
    first, second = twice
    tell(system, *(soft(first, n, "MailboxFull") for n in range(3)), soft(second, 1, "MailboxFull"))
    assert closed(db) == []
    tell(system, soft(second, 2, "MailboxFull"))
    assert closed(db) == ["soft_bounce"]


def test_a_later_bounce_keeps_it_closed_for_longer(db, twice, system, clock):
    first, second = twice
    tell(system, soft(first, 1), soft(first, 2), soft(second, 3))
    clock.forward(days=20)
    tell(system, soft(second, 4, stamp="2026-03-22T08:00:00.000Z"))
    clock.forward(days=72)  # more than ninety after the first ones
    settle(system)
    assert closed(db) == ["soft_bounce"]
    clock.forward(days=20)
    settle(system)
    assert closed(db) == []


def test_a_stronger_reason_outlives_the_ninety_days(db, twice, system, clock):
    first, second = twice
    tell(system, soft(first, 1), soft(first, 2), soft(second, 3), ses.complaint(first))
    assert closed(db) == ["complaint"]
    clock.forward(days=100)
    settle(system)
    assert closed(db) == ["complaint"]
