"""The watermark and the canaries: when silence proves something, and when it is an alarm."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma import jobs
from tpma.ports.events import BounceType, DeliveryEvent, EventKind
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import engine, feedback, recovery, watermark
from tpma.sending.events import canary, tending
from tpma.sending.events.models import Canary, CanaryKind, Feed
from tpma.worker import handlers

handlers.load()
FEED = "ses:tpma"


class SesLike(FakeMail):
    name = "ses"


class Silent:
    """A queue nothing comes by."""

    name = "ses"

    def receive(self, most, wait_s):
        return []

    def ack(self, events):
        assert not events

    def parse(self, event):
        return []


@pytest.fixture
def live(system):
    mail = SesLike()
    settings = {"ses_configuration_set": "tpma", "canary_seconds": 300}
    return replace(look.by(system, mail, **settings), events=Silent())


@pytest.fixture
def sent(db, session, live, clock):
    """A mail handed over now: its attempt."""
    make.running_launch(contacts=1)
    session.commit()
    engine.drain(live, look.owner())
    return look.attempts(db)[0]


def sends(system, attempt_id, at, **given):
    event = DeliveryEvent(
        source="ses",
        kind=EventKind.SEND,
        at=at,
        handed_over_at=at,
        attempt_id=attempt_id.hex,
        environment="local",
        feed="tpma",
    )
    return feedback.ingest(system, replace(event, **given))


def past(db, moment, **given):
    with db.reading() as session:
        return watermark.past(session, moment, **given)


def test_silence_proves_nothing(db, clock):
    assert not past(db, clock() - timedelta(days=1))


def test_a_later_attempts_send_event_says_all_before_was_told(db, live, sent, clock):
    doubtful = clock()  # somebody's attempt started as early as this one
    clock.forward(minutes=5)
    sends(live, sent.id, clock())
    assert past(db, doubtful - timedelta(seconds=1))
    assert past(db, doubtful - timedelta(seconds=1), feed=FEED)
    assert not past(db, doubtful), "no attempt that started after it has been told of"
    assert not past(db, doubtful - timedelta(seconds=1), feed="ses:other")


def test_two_minutes_are_left_for_events_that_overtake(db, live, sent, clock):
    start = clock()
    sends(live, sent.id, start)
    assert not past(db, start - timedelta(seconds=119))
    assert past(db, start - timedelta(seconds=120))


def test_the_mark_never_moves_back(db, live, sent, clock):
    clock.forward(minutes=10)
    sends(live, sent.id, clock())
    sends(live, sent.id, clock() - timedelta(minutes=9), provider_id="p2")
    with db.reading() as session:
        assert session.get_one(Feed, FEED).seen_through == clock()


def test_a_moment_to_come_is_not_believed(db, live, sent, clock):
    sends(live, sent.id, clock() + timedelta(hours=12))
    with db.reading() as session:
        assert session.get_one(Feed, FEED).seen_through == clock()


@pytest.mark.parametrize("kind", [k for k in EventKind if k is not EventKind.SEND])
def test_only_send_events_move_it(db, live, sent, clock, kind):
    sends(live, sent.id, clock(), kind=kind, bounce=BounceType.TRANSIENT)
    with db.reading() as session:
        assert session.scalars(select(Feed.seen_through)).all() == []


def test_foreign_events_do_not_move_it(db, live, sent, clock):
    assert sends(live, sent.id, clock(), environment="staging") == "foreign"
    with db.reading() as session:
        assert session.scalars(select(Feed)).all() == []


def test_every_watched_feed_must_be_past(db, live, sent, clock):
    early = clock() - timedelta(minutes=5)
    sends(live, sent.id, clock())
    assert past(db, early)
    with db.transaction() as session:
        watermark.watch(session, FEED)
        watermark.watch(session, "ses:second")
    assert not past(db, early)


def canaries(db):
    with db.reading() as session:
        return list(session.scalars(select(Canary).order_by(Canary.started_at, Canary.kind)))


def _due(live):
    tending.tick(live)
    jobs.run_due(live)
    return [envelope.rcpt_to for envelope in live.mail.taken]


def test_canaries_go_to_the_providers_own_addresses(db, live):
    assert sorted(_due(live)) == [
        "bounce+tpma@simulator.amazonses.com",
        "success+tpma@simulator.amazonses.com",
    ]
    assert sorted(_due(live)) == sorted(_due(live))  # not again at once
    for envelope in live.mail.taken:
        assert envelope.tags == {"tpma-attempt": envelope.attempt_id, "tpma-env": "local"}
        assert b"X-TPMA-Attempt: " + envelope.attempt_id.encode() in envelope.raw


def test_their_hours_come_again(db, live, clock):
    _due(live)
    live.mail.taken.clear()
    clock.forward(seconds=300)
    assert _due(live) == ["success+tpma@simulator.amazonses.com"]
    clock.forward(seconds=300)
    assert len(_due(live)) == 3


def test_where_mails_leave_all_the_time_only_bounces_are_asked_for(db, live, sent, clock):
    live.mail.taken.clear()
    sends(live, sent.id, clock())
    assert _due(live) == ["bounce+tpma@simulator.amazonses.com"]


@pytest.mark.parametrize(
    "change",
    [{"canary_seconds": 0}, {"events": None}, {"mail": FakeMail()}],
    ids=["switched off", "nobody listens", "not SES"],
)
def test_nothing_is_sent_where_nothing_could_be_heard(db, live, change):
    settings = {k: v for k, v in change.items() if k == "canary_seconds"}
    other = {k: v for k, v in change.items() if k != "canary_seconds"}
    quiet = replace(live, **other, settings=live.settings.model_copy(update=settings))
    assert tending.tick(quiet) == 0
    canary.send(quiet, CanaryKind.SUCCESS)
    assert canaries(db) == []


def test_a_canary_that_comes_back_moves_the_mark_and_proves_the_feed(db, live, clock):
    _due(live)
    clock.forward(minutes=3)
    for one in canaries(db):
        told = EventKind.BOUNCE if one.kind is CanaryKind.BOUNCE else EventKind.DELIVERY
        sort = BounceType.PERMANENT if told is EventKind.BOUNCE else None
        assert sends(live, one.id, one.started_at + timedelta(seconds=1)) == "applied"
        later = one.started_at + timedelta(seconds=2)
        assert sends(live, one.id, later, kind=told, bounce=sort, subtype="NoEmail") == "applied"
    assert past(db, clock() - timedelta(minutes=6))
    with db.reading() as session:
        assert canary.is_heard(session, clock())
        assert not canary.is_heard(session, clock() + timedelta(minutes=15))


def test_one_kind_of_canary_alone_proves_half(db, live, clock):
    _due(live)
    for one in canaries(db):
        sends(live, one.id, clock())
        sends(live, one.id, clock(), kind=EventKind.DELIVERY, provider_id="p")
    with db.reading() as session:
        assert not canary.is_heard(session, clock())


def test_a_canary_refused_is_written_down(db, live):
    mail = SesLike(lambda _e: SendResult(Outcome.NOT_SENT, code="SendingPausedException"))
    canary.send(replace(live, mail=mail), CanaryKind.SUCCESS)
    assert [one.outcome for one in canaries(db)] == ["not_sent"]


def test_a_silent_feed_is_an_alarm_once_in_ten_minutes(db, live, clock):
    _due(live)
    told = []
    for _minute in range(25):
        clock.forward(minutes=1)
        with db.transaction() as session:
            told += [(_minute + 1, name) for name in watermark.raise_alarms(session, clock())]
    assert told == [(10, FEED), (20, FEED)]


def test_a_feed_that_speaks_is_no_alarm(db, live, clock):
    _due(live)
    [one, _other] = canaries(db)
    clock.forward(minutes=5)
    sends(live, one.id, clock())
    clock.forward(minutes=9)
    with db.transaction() as session:
        assert watermark.raise_alarms(session, clock()) == []
        assert watermark.ages(session, clock()) == {FEED: timedelta(minutes=9)}


def test_a_doubt_ends_after_half_an_hour_when_the_feed_has_told_of_later_mails(
    db, session, system, clock
):
    launch, by = _doubt(session, system)
    clock.forward(minutes=31)
    with db.transaction() as own:
        own.add(
            Feed(
                name="ses:all",
                is_watched=True,
                seen_through=clock(),
                attempts_through=clock() - timedelta(minutes=1),
            )
        )
    recovery.tick(by)
    assert look.states(db, launch.id) == ["unconfirmed"]


def test_a_silent_feed_is_no_evidence_for_a_day(db, session, system, clock):
    launch, by = _doubt(session, system)
    clock.forward(hours=23)
    recovery.tick(by)
    assert look.states(db, launch.id) == ["in_doubt"]
    clock.forward(hours=2)
    recovery.tick(by)
    assert look.states(db, launch.id) == ["unconfirmed"]


def _doubt(session, system):
    launch = make.running_launch(contacts=1)
    session.commit()
    by = look.by(system, FakeMail(lambda _e: SendResult(Outcome.MAYBE, code="timeout")))
    engine.drain(by, look.owner())
    by.mail.script = None
    return launch, by
