"""Limits in the database: what all workers share, and what the provider last said."""

import pytest

from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.core.errors import Unavailable
from tpma.ports.mail import Outcome, Quota, Scope, SendResult
from tpma.sending import engine, limits, provider
from tpma.sending.models import ProviderAccount, SendRate

QUOTA = Quota(40.0, 10_000.0, 0.0, sending_enabled=True, sandbox=False, enforcement="HEALTHY")


@pytest.fixture
def slow(system):
    """A provider that lets 36 mails a second out, nine tenths of its 40."""
    mail = FakeMail()
    mail.limits = QUOTA
    found = look.by(system, mail, send_batch=50)
    assert provider.refresh(found)
    return found


def _account(db):
    with db.reading() as session:
        return session.get_one(SendRate, "account:fake")


def test_a_claim_takes_no_more_than_the_next_second_holds(session, slow):
    make.running_launch(contacts=100)
    session.commit()
    lease = engine.claim(slow, look.owner())
    assert lease.grant.count == 37  # the one now, and one each 1/36 s
    assert lease.grant.gap == pytest.approx(1 / 36)


def test_a_second_worker_gets_the_places_after_those_of_the_first(session, slow):
    make.running_launch(contacts=100)
    make.running_launch(contacts=100)
    session.commit()
    assert engine.claim(slow, look.owner()).grant.count == 37
    assert engine.claim(slow, look.owner()) is None


def test_places_of_a_chunk_that_was_nearly_empty_are_given_back(db, session, slow, clock):
    make.running_launch(contacts=3)
    session.commit()
    engine.drain(slow, look.owner(), most_batches=1)
    left = (_account(db).promised - clock()).total_seconds()
    assert left == pytest.approx(3 / 36, abs=0.001)
    with db.reading() as own:
        assert limits.taken(own, "account:fake", clock()) == 3


def test_others_need_not_wait_for_them_until_the_chunk_has_left(db, session, slow, clock):
    make.running_launch(contacts=3)
    session.commit()
    left = []

    def script(_envelope):
        left.append((_account(db).promised - clock()).total_seconds())

    slow.mail.script = script
    engine.drain(slow, look.owner(), most_batches=1)
    assert left == [pytest.approx(3 / 36, abs=0.001)] * 3


def test_a_throttle_halves_the_rate_for_everybody(db, session, slow):
    make.running_launch(contacts=5)
    session.commit()
    slow.mail.script = lambda _envelope: SendResult(
        Outcome.NOT_SENT, code="TooManyRequestsException", scope=Scope.ACCOUNT, retry_after=1
    )
    engine.drain(slow, look.owner())
    assert _account(db).per_second == 18.0


def test_the_rate_climbs_back_when_it_is_quiet(db, session, slow, clock):
    test_a_throttle_halves_the_rate_for_everybody(db, session, slow)
    slow.mail.script = None
    clock.forward(seconds=31)
    engine.drain(slow, look.owner())
    assert _account(db).per_second == pytest.approx(18.0 + 3 * 0.05 * 36.0)


def test_asking_again_does_not_lift_a_rate_that_was_just_lowered(db, session, slow, clock):
    test_a_throttle_halves_the_rate_for_everybody(db, session, slow)
    clock.forward(seconds=61)
    assert provider.refresh(slow)
    assert _account(db).per_second == 18.0


def test_a_lower_limit_of_the_provider_holds_at_once(db, slow, clock):
    slow.mail.limits = Quota(10.0, 10_000.0, 0.0, True, False, "HEALTHY")
    clock.forward(seconds=61)
    provider.refresh(slow)
    assert _account(db).per_second == 9.0


def test_the_provider_is_asked_once_a_minute_by_all_workers_together(slow, clock):
    assert not provider.refresh(slow)
    clock.forward(seconds=59)
    assert not provider.refresh(slow)
    clock.forward(seconds=1)
    assert provider.refresh(slow)


def test_a_day_that_is_used_up_stops_the_lane_and_loses_nothing(db, session, slow, clock):
    launch = make.running_launch(contacts=5)
    session.commit()
    slow.mail.limits = Quota(40.0, 10_000.0, 9_900.0, True, False, "HEALTHY")
    clock.forward(seconds=61)
    provider.refresh(slow)
    assert engine.drain(slow, look.owner()) == 0
    assert look.states(db, launch.id) == ["queued"] * 5


@pytest.mark.parametrize(
    "told",
    [
        Quota(40.0, 10_000.0, 0.0, sending_enabled=False, sandbox=False, enforcement="HEALTHY"),
        Quota(40.0, 10_000.0, 0.0, sending_enabled=True, sandbox=False, enforcement="SHUTDOWN"),
    ],
)
def test_an_account_that_may_not_send_is_not_tried(session, slow, clock, told):
    make.running_launch(contacts=5)
    session.commit()
    slow.mail.limits = told
    clock.forward(seconds=61)
    provider.refresh(slow)
    engine.drain(slow, look.owner())
    assert slow.mail.asked == []


def test_nothing_leaves_before_the_provider_has_told_its_limits(session, system):
    class Silent(FakeMail):
        def quota(self):
            raise Unavailable("no answer")

    make.running_launch(contacts=5)
    session.commit()
    by = look.by(system, Silent())
    assert not provider.refresh(by)
    assert engine.drain(by, look.owner()) == 0


def test_without_an_answer_the_last_limits_stay(db, slow, clock, monkeypatch):
    def silent():
        raise Unavailable("no answer")

    monkeypatch.setattr(slow.mail, "quota", silent)
    clock.forward(seconds=61)
    assert not provider.refresh(slow)
    with db.reading() as own:
        assert own.get_one(ProviderAccount, "fake").max_per_second == 40.0


def test_a_rate_of_our_own_holds_where_the_provider_has_none(db, system):
    by = look.by(system, FakeMail(), send_rate=5.0)
    provider.refresh(by)
    assert _account(db).per_second == 5.0


def test_the_outbox_has_no_limits(system):
    assert not provider.refresh(system)


def test_a_crash_between_taking_and_sending_only_slows(db, session, slow, clock):
    """What died with its worker is not given back: the cap is never exceeded."""
    make.running_launch(contacts=60)
    session.commit()
    engine.claim(slow, look.owner())  # and dies
    with db.reading() as own:
        assert limits.taken(own, "account:fake", clock()) == 37
