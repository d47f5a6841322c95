"""Hours, mailbox providers and spreading: what a claim is given, and what has to wait."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.conftest import NOW
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.audiences.models import ConsentBasis
from tpma.launches import compiling
from tpma.launches import service as launches
from tpma.launches.models import LaunchState
from tpma.sending import (
    brakes,
    engine,
    guards,
    limits,
    pacing,
    planning,
    queueing,
    service,
    warmup_deeds,
)
from tpma.sending.mailboxes import Mailbox
from tpma.sending.models import (
    DeliveryFact,
    FactKind,
    Message,
    SendChunk,
    SendRate,
    Warmup,
)

DOMAIN = "harbor-mail.com"


@pytest.fixture
def away(db, system, clock):
    """Mail really leaves, from a domain that is warmed up."""
    with db.transaction() as session:
        session.add(Warmup(domain=DOMAIN, warmed_at=clock()))
    return look.by(system, FakeMail(), mail_domain=DOMAIN, send_batch=20)


def _readers(*people, **given):
    """A draft whose readers are these (address, country)."""
    launch = make.launch(contacts=0, **given)
    for address, country in people:  # customers: German law wants more of who only signed up
        person = make.contact(
            launch.enrolment.partner, email=address, country=country, consent=False
        )
        make.agree(person, ConsentBasis.SOFT_OPT_IN)
    return launch


def _schedule(session, launch):
    """Past the gate, which asks German readers' mails for more than a test's company has."""
    launch.state = LaunchState.READY
    plan = compiling.drawing(session, launch, "http://localhost:8000")
    compiling.freeze(session, plan, {"en"}, ["US"])
    pacing.begin_in_the_east(session, launch)
    launches.schedule(session, factories.actor(make.member_of(launch.enrolment.partner)), launch)
    planning.plan_first(session, plan, {"en": "en"})


def _started(session, clock, *people, **given):
    launch = _readers(*people, **given)
    _schedule(session, launch)
    assert launches.start(session, launch)
    service.queue_step(session, launch, 1, clock())
    session.flush()
    return launch


@pytest.fixture
def started(session, clock):
    """A launch under way to these readers, committed: a test asks for one."""

    def start(*people, **given):
        launch = _started(session, clock, *people, **given)
        session.commit()
        return launch

    return start


def _chunks(db, launch):
    with db.reading() as session:
        return session.scalars(
            select(SendChunk).where(SendChunk.launch_id == launch.id).order_by(SendChunk.id)
        ).all()


WORLD = (("ada@a.example", "DE"), ("bo@b.example", "US"), ("chi@c.example", "JP"))


def test_each_reader_gets_it_at_the_hour_of_their_own_clock(db, session, system, clock):
    """Thursday 09:00 in Berlin was chosen: Tokyo has it first, and the launch starts then."""
    chosen = datetime.fromisoformat("2026-03-05T08:00+00:00")
    launch = _readers(*WORLD, reader_time=True, start_at=chosen, timezone="Europe/Berlin")
    _schedule(session, launch)
    tokyo = datetime.fromisoformat("2026-03-05T00:00+00:00")
    assert (launch.start_at, launch.chosen_start) == (tokyo, chosen)
    clock.now = tokyo
    assert launches.start(session, launch)
    service.queue_step(session, launch, 1, clock())
    session.commit()
    got = [(chunk.zone, chunk.not_before) for chunk in _chunks(db, launch)]
    assert got == [
        ("Asia/Tokyo", tokyo),
        ("Europe/Berlin", chosen),
        ("America/New_York", datetime.fromisoformat("2026-03-05T14:00+00:00")),
    ]
    by = look.by(system, FakeMail())
    assert engine.drain(by, look.owner()) == 1
    clock.forward(hours=8)
    assert engine.drain(by, look.owner()) == 1
    clock.forward(hours=6)
    assert engine.drain(by, look.owner()) == 1


def test_a_launch_taken_back_by_the_check_has_its_chosen_hour_again(session, clock):
    chosen = NOW + timedelta(days=3)
    launch = _readers(*WORLD, reader_time=True, start_at=chosen, timezone="Europe/Berlin")
    _schedule(session, launch)
    launches.reopen(session, launch, ["kit"])
    assert (launch.start_at, launch.chosen_start) == (chosen, None)


def test_a_later_mail_comes_at_the_same_hour_of_the_readers_clock(db, session, system, clock):
    """Two weeks on, New York has changed its clocks and Tokyo never does."""
    chosen = NOW + timedelta(days=3, hours=-1)
    launch = _readers(*WORLD, reader_time=True, start_at=chosen, timezone="Europe/Berlin", mails=2)
    _schedule(session, launch)
    clock.now = launch.start_at
    launches.start(session, launch)
    launch.frozen_manifest["steps"][1]["day"] = 14
    service.queue_step(session, launch, 1, clock())
    due = session.scalar(
        select(service.jobs.Job.run_at).where(
            service.jobs.Job.key == f"sending.queue_step:{launch.id}:2"
        )
    )
    assert due == datetime.fromisoformat("2026-03-19T00:00+00:00")
    assert queueing.wall_of(launch, 2) == datetime.fromisoformat("2026-03-19T09:00")


def test_what_missed_its_hours_waits_for_the_next_and_is_not_sent_at_night(
    db, started, system, clock
):
    launch = started(*WORLD, hours_from=8, hours_until=18, weekdays="12345", timezone="UTC")
    by = look.by(system, FakeMail())
    clock.now = datetime.fromisoformat("2026-03-06T18:00+00:00")  # Friday; a pause took so long
    assert engine.drain(by, look.owner()) == 0
    assert {chunk.not_before for chunk in _chunks(db, launch)} == {
        datetime.fromisoformat("2026-03-09T08:00+00:00")
    }
    clock.now = datetime.fromisoformat("2026-03-09T08:00+00:00")
    assert engine.drain(by, look.owner()) == 3


def test_whose_hour_comes_after_the_last_day_gets_nothing(db, started, system, clock):
    """It is 18:00 in Tokyo when the launch starts, and over before its next morning."""
    launch = started(
        *WORLD, reader_time=True, timezone="UTC",
        hours_from=3, hours_until=18, ends_at=NOW + timedelta(hours=6),
    )  # fmt: skip
    assert engine.drain(look.by(system, FakeMail()), look.owner()) == 2
    assert look.states(db, launch.id) == ["accepted", "accepted", "expired"]


MIXED = (("a@gmail.com", "DE"), ("b@gmail.com", "DE"), ("c@outlook.com", "DE"),
         ("d@yahoo.de", "DE"), ("e@brightline.example", "DE"))  # fmt: skip


def test_mails_are_chunked_by_mailbox_provider(db, started, clock):
    launch = started(*MIXED)
    with db.reading() as own:
        rows = own.execute(
            select(SendChunk.mailbox, func.count())
            .join(Message, Message.chunk_id == SendChunk.id)
            .where(Message.launch_id == launch.id)
            .group_by(SendChunk.mailbox)
            .order_by(SendChunk.mailbox)
        ).all()
    assert [tuple(row) for row in rows] == [(0, 1), (1, 2), (2, 1), (3, 1)]


def test_the_first_hundred_are_a_fair_sample_of_all_providers(db, session, clock, monkeypatch):
    monkeypatch.setattr(queueing, "canary_size", lambda readers: 4)
    people = [(f"g{number}@gmail.com", "DE") for number in range(15)]
    people += [(f"m{number}@outlook.com", "DE") for number in range(5)]
    launch = _readers(*people)
    _schedule(session, launch)
    launches.start(session, launch)
    assert service.queue_step(session, launch, 1, clock(), canary=True) == 4
    session.commit()
    with db.reading() as own:
        sizes = own.execute(
            select(SendChunk.mailbox, func.count())
            .join(Message, Message.chunk_id == SendChunk.id)
            .group_by(SendChunk.id, SendChunk.mailbox)
            .order_by(SendChunk.id)
        ).all()
    assert [tuple(row) for row in sizes] == [(1, 3), (2, 1), (1, 12), (2, 4)]


def _sent_to_gmail(db, started, away, clock, *, delayed, readers=60):
    """So many mails to Gmail within a minute, some of them put off."""
    launch = started(*((f"g{n}@gmail.com", "DE") for n in range(readers)))
    for _batch in range(3):
        engine.drain(away, look.owner(), most_batches=1)
        clock.forward(seconds=30)
    rows = look.messages(db, launch.id)
    with db.transaction() as own:
        own.add_all(
            DeliveryFact(message_id=row.id, kind=FactKind.DELAYED, at=clock())
            for row in rows[:delayed]
        )
    return launch


@pytest.mark.parametrize(("delayed", "braked"), [(6, False), (7, True)])
def test_a_provider_that_puts_off_a_tenth_is_written_to_half_as_fast(
    db, started, away, clock, delayed, braked
):
    _sent_to_gmail(db, started, away, clock, delayed=delayed)
    assert guards.watch(away) == int(braked)
    assert guards.watch(away) == 0, "once"
    with db.reading() as own:
        row = own.get(SendRate, limits.mailbox_scope(DOMAIN, Mailbox.GMAIL))
        assert (row is not None) is braked
        if row is not None:  # sixty mails in a minute
            assert row.per_second == pytest.approx(0.5)
            assert row.until == clock() + timedelta(hours=4)


def test_a_braked_provider_holds_up_no_other_and_is_free_after_four_hours(db, started, away, clock):
    with db.transaction() as own:
        scope = limits.mailbox_scope(DOMAIN, Mailbox.GMAIL)
        limits.brake(own, scope, 1 / 60, clock(), clock() + timedelta(hours=4), "deferred")
    launch = started(*MIXED)
    assert engine.drain(away, look.owner()) == 4, "one of two at Gmail"
    assert look.states(db, launch.id) == ["accepted"] * 4 + ["queued"]
    clock.forward(seconds=60)
    assert engine.drain(away, look.owner()) == 1
    with db.transaction() as own:
        factories.bind(own)
        again = _started(own, clock, ("x@gmail.com", "DE"), ("y@gmail.com", "DE"))
    clock.forward(hours=4)
    assert engine.drain(away, look.owner()) == 2
    assert look.states(db, again.id) == ["accepted"] * 2


def test_the_operator_ends_a_brake_and_limits_a_provider(db, started, away, clock):
    launch = started(*MIXED)
    with db.transaction() as own:
        factories.bind(own)
        operator = factories.actor(factories.operator())
        scope = limits.mailbox_scope(DOMAIN, Mailbox.GMAIL)
        limits.brake(own, scope, 1 / 60, clock(), clock() + timedelta(hours=4), "deferred")
        warmup_deeds.release_mailbox(own, operator, DOMAIN, Mailbox.GMAIL)
        warmup_deeds.set_mailbox_day(own, operator, DOMAIN, Mailbox.GMAIL, 1)
    assert engine.drain(away, look.owner()) == 4
    clock.forward(hours=23)
    assert engine.drain(away, look.owner()) == 0
    clock.forward(hours=1)
    assert engine.drain(away, look.owner()) == 1
    assert look.states(db, launch.id) == ["accepted"] * 5


UNPROVEN = pytest.mark.parametrize(
    ("detail", "paused"),
    [
        ("5.7.26 550-5.7.26 This mail is unauthenticated", True),
        ("550 5.7.515 Access denied", True),
        ("550 5.7.1", True),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", False),
        ("550 5.1.1 no such user", False),
    ],
)


@UNPROVEN
def test_three_refusals_for_want_of_a_proven_sender_pause_the_domain(
    db, started, away, clock, detail, paused
):
    other, launch = make.running_launch(contacts=1), started(*MIXED)
    engine.drain(away, look.owner(), most_batches=9)
    for place, row in enumerate(look.messages(db, launch.id)[:3]):
        assert look.launch(db, launch.id).state.value == "running"
        with db.transaction() as own:
            own.add(
                DeliveryFact(
                    message_id=row.id, kind=FactKind.BOUNCED_HARD, at=clock(), detail=detail
                )
            )
        assert (brakes.watch(away) > 0) is (paused and place == 2)
    found = [look.launch(db, one.id).paused_cause for one in (launch, other)]
    assert found == (["identity"] * 2 if paused else ["", ""])


def test_who_resumed_it_knowing_that_is_not_stopped_again(db, started, away, clock):
    test_three_refusals_for_want_of_a_proven_sender_pause_the_domain(
        db, started, away, clock, "550 5.7.1", True
    )
    with db.transaction() as own:
        for launch in own.scalars(select(make.Launch).order_by(make.Launch.id)):
            launches.resume(own, None, launch)
    assert brakes.watch(away) == 0


def test_a_launch_spread_over_hours_leaves_so_much_an_hour(db, started, system, clock):
    launch = started(*((f"r{n}@a.example", "DE") for n in range(8)), spread_hours=2)
    by = look.by(system, FakeMail())
    sent = []
    for _quarter in range(9):
        sent.append(engine.drain(by, look.owner()))
        clock.forward(minutes=15)
    assert sent == [1] * 8 + [0]
    assert look.states(db, launch.id) == ["accepted"] * 8


def test_a_guard_slows_a_spread_launch_too_and_the_next_mail_of_it(db, started, system, clock):
    launch = started(*WORLD, spread_hours=1, mails=2)
    scope = limits.launch_scope(launch.id)
    with db.transaction() as own:
        rate = own.get_one(SendRate, scope).per_second
        assert guards._slow(own, "fake", launch.id, clock()) == 1
        assert own.get_one(SendRate, scope).per_second == pytest.approx(rate / 2)
        assert guards._slow(own, "fake", launch.id, clock()) == 0, "once"
        queueing._spread(own, own.get_one(make.Launch, launch.id), 3, clock())
        assert own.get_one(SendRate, scope).per_second == pytest.approx(rate / 2)
