"""Turns: one tenant with a long list does not delay those with short ones."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.launches import service as launches
from tpma.ports.mail import Outcome, Scope, SendResult
from tpma.sending import engine, limits, service
from tpma.sending.models import LaunchPace, SendLane, SendRate
from tpma.sending.rules import CANARY_WAIT

PAUSED = SendResult(
    Outcome.NOT_SENT, code="SendingPausedException", scope=Scope.TENANT, retry_after=900
)


@pytest.fixture
def small_batches(system):
    mail = FakeMail()
    return look.by(system, mail, send_batch=5), mail


def _whose(made, mail):
    """Index of the launch each mail belongs to, in the order they left."""
    by_code = {launch.campaign_code: place for place, launch in enumerate(made)}
    return [by_code[envelope.tags["tpma-launch"]] for envelope in mail.taken]


def test_small_tenants_are_not_behind_a_large_one(session, small_batches):
    system, mail = small_batches
    large = make.running_launch(contacts=60)
    small = [make.running_launch(contacts=5) for _number in range(3)]
    session.commit()
    engine.drain(system, look.owner())
    order = _whose([large, *small], mail)
    assert len(order) == 75
    for place in (1, 2, 3):
        last = max(at for at, whose in enumerate(order) if whose == place)
        # Nobody but the large one has two turns before everybody had one.
        assert last < 4 * 5 + 5, order


def test_lanes_of_equal_weight_differ_by_one_batch(session, small_batches):
    system, mail = small_batches
    made = [make.running_launch(contacts=30) for _number in range(3)]
    session.commit()
    engine.drain(system, look.owner(), most_batches=9)
    order = _whose(made, mail)
    for sent in range(5, len(order) + 1, 5):
        shares = [order[:sent].count(place) for place in range(3)]
        assert max(shares) - min(shares) <= 5, shares


def test_a_heavier_lane_gets_more_turns(db, session, small_batches):
    system, mail = small_batches
    made = [make.running_launch(contacts=60) for _number in range(2)]
    session.commit()
    with db.transaction() as own:
        lane = own.query(SendLane).filter_by(tenant_id=made[0].tenant_id).one()
        lane.weight = 3
    engine.drain(system, look.owner(), most_batches=8)
    order = _whose(made, mail)
    assert (order.count(0), order.count(1)) == (30, 10)


def test_launches_of_one_tenant_take_turns(session, clock, small_batches):
    system, mail = small_batches
    first = make.running_launch(contacts=20)
    second = make.running_launch(within=first.enrolment, contacts=20)
    session.commit()
    for _turn in range(4):
        engine.drain(system, look.owner(), most_batches=1)
        clock.forward(seconds=1)
    order = _whose([first, second], mail)
    assert order == [0] * 5 + [1] * 5 + [0] * 5 + [1] * 5


def test_who_was_idle_for_an_hour_has_saved_up_no_turns(db, session, clock, small_batches):
    system, mail = small_batches
    busy = make.running_launch(contacts=60)
    session.commit()
    engine.drain(system, look.owner(), most_batches=6)
    clock.forward(hours=1)
    with db.transaction() as again:
        factories.bind(again)
        late = make.running_launch(contacts=40)
    engine.drain(system, look.owner(), most_batches=4)
    assert sorted(_whose([busy, late], mail)[30:]) == [0] * 10 + [1] * 10


def test_a_tenant_the_provider_refuses_holds_up_nobody_else(db, session, small_batches):
    system, mail = small_batches
    refused, fine = (make.running_launch(contacts=10) for _number in range(2))
    session.commit()
    mail.script = lambda envelope: (
        PAUSED if envelope.tags["tpma-launch"] == refused.campaign_code else None
    )
    engine.drain(system, look.owner())
    assert look.states(db, fine.id) == ["accepted"] * 10
    assert look.states(db, refused.id) == ["queued"] * 10
    with db.reading() as own:
        held = own.query(SendLane).filter_by(tenant_id=refused.tenant_id).one()
        assert held.cause == "SendingPausedException"
    asked = sum(e.tags["tpma-launch"] == refused.campaign_code for e in mail.asked)
    assert asked == 1, "a refused tenant burns no recipients"


def test_a_refused_tenant_goes_on_by_itself_when_its_time_is_over(
    db, session, clock, small_batches
):
    system, mail = small_batches
    refused = make.running_launch(contacts=10)
    session.commit()
    mail.script = lambda _envelope: PAUSED
    engine.drain(system, look.owner())
    mail.script = None
    clock.forward(seconds=901)
    engine.drain(system, look.owner())
    assert look.states(db, refused.id) == ["accepted"] * 10


def test_an_account_that_is_throttled_holds_everybody(db, session, small_batches):
    system, mail = small_batches
    made = [make.running_launch(contacts=5) for _number in range(3)]
    session.commit()
    mail.script = lambda _envelope: SendResult(
        Outcome.NOT_SENT, code="TooManyRequestsException", scope=Scope.ACCOUNT, retry_after=1
    )
    engine.drain(system, look.owner())
    assert len(mail.asked) == 1
    assert [look.states(db, launch.id) for launch in made] == [["queued"] * 5] * 3
    with db.reading() as own:
        assert own.get_one(SendRate, "account:fake").throttled == 1


def _canary_launch(session, system, clock):
    launch = make.scheduled_launch(contacts=210)
    session.flush()
    assert launches.start(session, launch)
    service.queue_step(session, launch, 1, clock(), canary=True)
    session.commit()
    return launch


def test_the_first_hundred_go_first_and_the_rest_waits_for_their_events(db, session, clock, system):
    launch = _canary_launch(session, system, clock)
    mail = FakeMail()
    by = look.by(system, mail, send_batch=30)
    engine.drain(by, look.owner())
    assert len(mail.taken) == 100
    clock.forward(minutes=14)
    assert engine.drain(by, look.owner()) == 0
    clock.forward(minutes=2)
    assert engine.drain(by, look.owner()) == 110
    assert look.states(db, launch.id) == ["accepted"] * 210


def test_the_wait_after_the_first_hundred_is_counted_from_their_end(db, session, clock, system):
    launch = _canary_launch(session, system, clock)
    engine.drain(look.by(system, FakeMail(), send_batch=30), look.owner())
    with db.reading() as own:
        pace = own.get_one(LaunchPace, launch.id)
    assert pace.held_until == clock() + CANARY_WAIT
    assert timedelta(minutes=15) == CANARY_WAIT


def test_five_refusals_among_the_first_twenty_pause_the_launch(db, session, system):
    launch = make.running_launch(contacts=40)
    session.commit()
    mail = FakeMail(lambda _envelope: SendResult(Outcome.REFUSED, code="MessageRejected"))
    engine.drain(look.by(system, mail, send_batch=5), look.owner())
    paused = look.launch(db, launch.id)
    assert (paused.state.value, paused.paused_cause) == ("paused", "content_refused")
    assert look.states(db, launch.id) == ["failed"] * 5 + ["queued"] * 35


def test_a_reader_the_server_puts_off_waits_alone(db, session, clock, small_batches):
    system, mail = small_batches
    launch = make.running_launch(contacts=10)
    session.commit()
    first = look.messages(db, launch.id)[0]
    mail.script = lambda envelope: (
        SendResult(Outcome.NOT_SENT, code="451", scope=Scope.MESSAGE, retry_after=60)
        if envelope.name.startswith(f"m{first.id}-")
        else None
    )
    engine.drain(system, look.owner())
    assert look.states(db, launch.id) == ["accepted"] * 9 + ["queued"]
    assert sum(e.name.startswith(f"m{first.id}-") for e in mail.asked) == 1
    mail.script = None
    clock.forward(seconds=61)
    engine.drain(system, look.owner())
    assert look.states(db, launch.id) == ["accepted"] * 10


def test_a_launch_that_was_slowed_down_holds_up_nobody_else(db, session, clock, small_batches):
    system, _mail = small_batches
    slowed, fine = (make.running_launch(contacts=10) for _number in range(2))
    limits.set_rate(session, limits.launch_scope(slowed.id), 1.0, clock())
    session.commit()
    engine.drain(system, look.owner())
    assert look.states(db, fine.id) == ["accepted"] * 10
    assert look.states(db, slowed.id) == ["accepted"] * 2 + ["queued"] * 8
