"""Guards: bad news stops a launch before the provider stops the account."""

import pytest

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.launches import service as launches
from tpma.partners.models import Enrolment
from tpma.ports.mail import Quota
from tpma.sending import engine, guards, limits, outcomes, provider
from tpma.sending.guards import Action, Tally
from tpma.sending.models import FactKind, SendRate


@pytest.mark.parametrize(
    ("tally", "action", "cause"),
    [
        (Tally(1000, 0, 0), Action.NONE, ""),
        (Tally(199, 0, 50), Action.NONE, ""),  # too few to say anything
        (Tally(150, 49, 9), Action.NONE, ""),
        (Tally(150, 50, 0), Action.PAUSE_TENANT, "bounces"),
        (Tally(10_000, 0, 7), Action.NONE, ""),
        (Tally(10_000, 0, 8), Action.SLOW, "complaints"),
        (Tally(10_000, 0, 10), Action.PAUSE_LAUNCH, "complaints"),
        (Tally(10_000, 0, 20), Action.PAUSE_TENANT, "complaints"),
        (Tally(9_801, 199, 0), Action.NONE, ""),
        (Tally(9_800, 200, 0), Action.SLOW, "bounces"),
        (Tally(9_600, 400, 0), Action.PAUSE_LAUNCH, "bounces"),
        (Tally(9_500, 500, 0), Action.PAUSE_TENANT, "bounces"),
        (Tally(9_600, 400, 20), Action.PAUSE_TENANT, "complaints"),
        (Tally(0, 200, 0), Action.PAUSE_TENANT, "bounces"),
    ],
)
def test_what_a_share_of_bad_news_asks_for(tally, action, cause):
    assert guards.verdict(tally) == (action, cause)


@pytest.fixture
def sent(db, session, system, clock, monkeypatch):
    """A launch of 20 mails that runs on, and guards that judge by 10 results."""
    monkeypatch.setattr(guards, "LEAST", 10)
    launch = make.running_launch(contacts=20)
    session.commit()
    by = look.by(system, FakeMail(), send_batch=10)
    engine.drain(by, look.owner(), most_batches=1)
    return launch, by


def _news(db, launch, kind, count, clock):
    with db.transaction() as session:
        rows = [m for m in look.messages(db, launch.id) if m.accepted_at][:count]
        for row in rows:
            outcomes.add_fact(session, row.id, kind, clock())


def test_bounces_pause_the_launch_and_say_why(db, sent, clock):
    launch, by = sent
    _news(db, launch, FactKind.DELIVERED, 9, clock)
    _news(db, launch, FactKind.BOUNCED_HARD, 1, clock)
    assert guards.watch(by) == 1
    found = look.launch(db, launch.id)
    assert (found.state.value, found.paused_cause) == ("paused", "bounces")


def test_a_paused_launch_keeps_its_mails(db, sent, clock):
    launch, by = sent
    _news(db, launch, FactKind.BOUNCED_HARD, 10, clock)
    guards.watch(by)
    engine.drain(by, look.owner())
    assert look.states(db, launch.id) == ["accepted"] * 10 + ["queued"] * 10


def test_good_news_holds_nobody(db, sent, clock):
    launch, by = sent
    _news(db, launch, FactKind.DELIVERED, 10, clock)
    assert guards.watch(by) == 0
    assert look.launch(db, launch.id).state.value == "running"


def test_who_resumes_it_knowing_the_figures_is_not_stopped_again_for_them(db, sent, clock):
    launch, by = sent
    _news(db, launch, FactKind.BOUNCED_HARD, 10, clock)
    guards.watch(by)
    with db.transaction() as session:
        launches.resume(session, None, launches.get(session, launch.tenant_id, launch.id))
    clock.forward(minutes=1)
    assert guards.watch(by) == 0


def test_a_tenant_with_too_much_bad_news_stops_as_a_whole(db, session, sent, clock):
    launch, by = sent
    with db.transaction() as own:
        factories.bind(own)
        other = make.running_launch(within=own.get_one(Enrolment, launch.enrolment_id), contacts=3)
    _news(db, launch, FactKind.BOUNCED_HARD, 10, clock)
    assert guards.watch(by) == 2
    assert look.launch(db, other.id).state.value == "paused"


def test_another_tenant_goes_on(db, session, sent, clock):
    launch, by = sent
    with db.transaction() as own:
        factories.bind(own)
        other = make.running_launch(contacts=3)
    _news(db, launch, FactKind.BOUNCED_HARD, 10, clock)
    guards.watch(by)
    assert look.launch(db, other.id).state.value == "running"


def test_a_little_bad_news_halves_the_rate(db, sent, clock, monkeypatch):
    launch, by = sent
    monkeypatch.setattr(guards, "_BOUNCES", ((0.05, Action.SLOW),))
    by.mail.limits = Quota(40.0, -1.0, 0.0, True, False, "HEALTHY")
    provider.refresh(by)
    _news(db, launch, FactKind.DELIVERED, 9, clock)
    _news(db, launch, FactKind.BOUNCED_HARD, 1, clock)
    assert guards.watch(by) == 1
    with db.reading() as session:
        assert session.get_one(SendRate, limits.launch_scope(launch.id)).per_second == 18.0
    assert guards.watch(by) == 0, "once"
