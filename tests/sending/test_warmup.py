"""A young domain's day: charged with the claim, never exceeded, judged by what came of it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.factories import launches as make
from tests.factories import sending as look
from tests.fakes import FakeMail
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.identity.models import AuditLog, Organisation
from tpma.launches import compiling
from tpma.ports.mail import Outcome, Quota, Scope, SendResult
from tpma.sending import (
    engine,
    envelopes,
    limits,
    pacing,
    planning,
    provider,
    warmup,
    warmup_deeds,
)
from tpma.sending.limits import Ask, Short
from tpma.sending.models import (
    DeliveryFact,
    FactKind,
    LaunchPace,
    Message,
    QuotaCounter,
    SendChunk,
    Warmup,
)

DOMAIN = "harbor-mail.com"


@pytest.fixture
def young(system):
    """Mail really leaves, from a domain nobody knows yet."""
    return look.by(system, FakeMail(), mail_domain=f"news.{DOMAIN}", send_batch=20)


def _warmup(db):
    with db.reading() as session:
        return session.get_one(Warmup, DOMAIN)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("brightline.news.harbor-mail.com", DOMAIN),  # Gmail counts all of them together
        ("HARBOR-mail.com.", DOMAIN),
        ("news.harbor.co.uk", "harbor.co.uk"),
        ("brightline.mail.tpma.example", ""),  # reserved: no mail comes from there
        ("mail.localhost", ""),
        ("mail.example.org", ""),
    ],
)
def test_which_domain_a_from_host_counts_to(host, domain):
    assert warmup.organisational(host) == domain


def test_on_its_first_day_a_domain_sends_fifty_mails(db, session, young, clock):
    launch = make.running_launch(contacts=60)
    session.commit()
    engine.drain(young, look.owner())
    assert look.states(db, launch.id) == ["accepted"] * 50 + ["queued"] * 10
    clock.forward(hours=14, minutes=59)  # one minute to midnight
    assert engine.drain(young, look.owner()) == 0
    clock.forward(minutes=1)
    assert engine.drain(young, look.owner()) == 10
    row = _warmup(db)
    assert (row.step, row.taken, row.day) == (1, 10, clock().date())


def test_mail_that_stays_here_or_comes_from_a_reserved_name_is_not_warmed_up(db, session, system):
    launch = make.running_launch(contacts=60)
    session.commit()
    engine.drain(look.by(system, FakeMail()), look.owner())
    assert look.states(db, launch.id) == ["accepted"] * 60
    with db.reading() as own:
        assert own.scalar(select(func.count()).select_from(Warmup)) == 0


def test_the_cap_is_not_exceeded_by_workers_that_die(db, session, young, clock):
    launch = make.running_launch(contacts=60)
    session.commit()
    assert engine.claim(young, look.owner()).grant.count == 20  # and dies
    clock.forward(seconds=young.settings.lease_seconds + 1)
    assert engine.drain(young, look.owner()) == 30
    assert look.states(db, launch.id) == ["accepted"] * 30 + ["queued"] * 30
    assert _warmup(db).taken == 50


def test_places_of_mails_that_did_not_leave_are_given_back(db, session, young, clock):
    launch = make.running_launch(contacts=60)
    session.commit()
    answers = iter([SendResult(Outcome.NOT_SENT, code="451", scope=Scope.MESSAGE)] * 5)
    young.mail.script = lambda _envelope: next(answers, None)
    engine.drain(young, look.owner())
    clock.forward(minutes=16)
    engine.drain(young, look.owner())
    assert look.states(db, launch.id) == ["accepted"] * 50 + ["queued"] * 10
    assert _warmup(db).taken == 50


def test_a_place_of_yesterday_frees_none_today(db, session, young, clock):
    with db.transaction() as own:
        ask = Ask("fake", uuid4(), DOMAIN)
        grant = limits.reserve(own, ask, 5, clock())
    clock.forward(days=1)
    with db.transaction() as own:
        limits.reserve(own, ask, 3, clock())
        limits.give_back(own, grant, 5, clock())
    assert _warmup(db).taken == 3


def test_all_limits_are_charged_or_none(db, session, young, clock):
    """The domain's day is over: the account's counter and rate stay as they were."""
    with db.transaction() as own:
        limits.set_rate(own, "account:fake", 1000.0, clock())
        ask = Ask("fake", uuid4(), DOMAIN)
        assert limits.reserve(own, ask, 50, clock()).count == 50
        before = own.get_one(limits.SendRate, "account:fake").promised
        clock.forward(minutes=1)
        refused = limits.reserve(own, ask, 1, clock())
        assert (refused.count, refused.short) == (0, Short.WARM_UP)
        assert own.get_one(limits.SendRate, "account:fake").promised == before
        assert limits.taken(own, "account:fake", clock()) == 50


def test_another_domain_goes_on(db, session, clock):
    with db.transaction() as own:
        for domain in (DOMAIN, "rheinwerk-mail.de"):
            ask = Ask("fake", uuid4(), domain)
            assert limits.reserve(own, ask, 80, clock()).count == 50


def test_launches_of_a_domain_that_is_used_up_hold_up_nobody(
    db, session, young, clock, monkeypatch
):
    """More of them than a claim passes over."""
    made = [make.running_launch(contacts=2) for _number in range(7)]
    own_domain = make.running_launch(contacts=2)
    session.commit()
    with db.transaction() as own:
        own.add(Warmup(domain=DOMAIN, day=clock().date(), taken=50))
        theirs = own.get_one(Organisation, own_domain.tenant_id).slug
    shared = envelopes.sender_address
    monkeypatch.setattr(
        envelopes,
        "sender_address",
        lambda slug, settings: "a@brightline.com" if slug == theirs else shared(slug, settings),
    )
    engine.drain(young, look.owner())
    assert look.states(db, own_domain.id) == ["accepted"] * 2
    assert all(look.states(db, launch.id) == ["queued"] * 2 for launch in made)


@pytest.fixture
def yesterday(db, session, young, clock):
    """A launch whose fifty mails left; it is the next day."""
    launch = make.running_launch(contacts=60)
    session.commit()
    engine.drain(young, look.owner())
    clock.forward(days=1)
    return launch


def _news(db, launch, kind, count, clock):
    rows = look.messages(db, launch.id)[:count]
    with db.transaction() as session:
        session.add_all(DeliveryFact(message_id=row.id, kind=kind, at=clock()) for row in rows)


@pytest.mark.parametrize(
    ("kind", "count", "cap"),
    [(None, 0, 100), (FactKind.BOUNCED_HARD, 3, 50), (FactKind.COMPLAINED, 1, 50),
     (FactKind.DELAYED, 6, 50), (FactKind.DELAYED, 4, 100), (FactKind.BOUNCED_SOFT, 9, 100)],
)  # fmt: skip
def test_what_came_of_a_day_decides_on_the_next(db, yesterday, clock, kind, count, cap):
    if kind is not None:
        _news(db, yesterday, kind, count, clock)
    with db.reading() as session:
        assert warmup.standing(session, DOMAIN, clock()).cap == cap


def test_a_domain_that_burns_addresses_is_stopped_until_a_person_looks(
    db, yesterday, young, clock, monkeypatch
):
    monkeypatch.setattr(warmup.warming, "ENOUGH", 50)
    _news(db, yesterday, FactKind.BOUNCED_HARD, 3, clock)
    assert engine.drain(young, look.owner()) == 0
    assert (_warmup(db).stopped, _warmup(db).verdict) == ("bounces", "stop")
    clock.forward(days=40)
    assert engine.drain(young, look.owner()) == 0, "time alone lifts no stop"
    with db.transaction() as session:
        factories.bind(session)
        warmup_deeds.take_up(session, factories.actor(factories.operator()), DOMAIN)
    assert engine.drain(young, look.owner()) == 10
    with db.reading() as session:
        actions = session.scalars(select(AuditLog.action).order_by(AuditLog.seq)).all()
        assert [one for one in actions if one.startswith("warmup.")] == [
            "warmup.stopped", "warmup.resumed",
        ]  # fmt: skip


def test_a_declared_domain_has_no_limit(db, session, young):
    launch = make.running_launch(contacts=60)
    session.commit()
    engine.drain(young, look.owner())
    with db.transaction() as own:
        factories.bind(own)
        operator = factories.actor(factories.operator())
        warmup_deeds.declare_warmed(own, operator, DOMAIN)
        with pytest.raises(Conflict):
            warmup_deeds.declare_warmed(own, operator, DOMAIN)
    engine.drain(young, look.owner())
    assert look.states(db, launch.id) == ["accepted"] * 60


def test_an_operators_own_limit_holds_instead_of_the_ladder(db, session, young):
    launch = make.running_launch(contacts=60)
    session.commit()
    with db.transaction() as own:
        factories.bind(own)
        operator = factories.actor(factories.operator())
        with pytest.raises(NotFound):
            warmup_deeds.set_cap(own, operator, "nobody.net", 7)
        warmup.begin(own, DOMAIN, young.clock())
        with pytest.raises(Invalid) as fault:
            warmup_deeds.set_cap(own, operator, DOMAIN, 0)
        assert fault.value.field == "mails"
        warmup_deeds.set_cap(own, operator, DOMAIN, 7)
    assert engine.drain(young, look.owner()) == 7
    assert look.states(db, launch.id).count("accepted") == 7


def test_the_platforms_domain_starts_where_it_sent_before_there_was_a_warm_up(db, young, clock):
    young.mail.limits = Quota(40.0, 10_000.0, 0.0, True, False, "HEALTHY")
    hour = int(clock().timestamp() // 3600)
    with db.transaction() as session:
        for ago, mails in ((24 * 40, 9_000), (48, 300), (47, 200), (24, 400)):
            session.add(QuotaCounter(scope="account:fake", hour=hour - ago, taken=mails))
    provider.refresh(young)
    with db.reading() as session:
        assert warmup.standing(session, DOMAIN, clock()).cap == 800


def test_who_clicked_last_is_written_to_first_while_the_domain_is_young(db, session, young, clock):
    """Then the newest contacts; opens are not asked."""
    first = make.running_launch(contacts=4)
    company = first.enrolment.partner
    readers = session.scalars(
        select(make.Contact).where(make.Contact.tenant_id == company.id).order_by(make.Contact.id)
    ).all()
    for reader, hours in ((readers[2], 2), (readers[0], 1)):
        message = session.scalars(select(Message).where(Message.contact_id == reader.id)).one()
        message.clicked_at = clock() - timedelta(hours=hours)
    session.flush()
    for reader, days in ((readers[1], 9), (readers[3], 2)):
        reader.created_at = clock() - timedelta(days=days)
    second = make.launch(first.enrolment, contacts=0)
    drawing = compiling.drawing(session, second, "http://localhost:8000")
    planning.plan_first(session, drawing, {"en": "en"}, engaged_first=True)
    rows = session.scalars(
        select(Message).where(Message.launch_id == second.id).order_by(Message.seq)
    ).all()
    order = [readers.index(next(r for r in readers if r.id == row.contact_id)) for row in rows]
    assert order == [0, 2, 3, 1]


def test_the_warm_up_is_short_where_it_lets_out_fewer_than_there_are(db, session, young):
    launch = make.launch(contacts=2)
    session.commit()
    with db.reading() as own:
        found = own.get_one(make.Launch, launch.id)
        assert not pacing.is_short(own, young, found, 50)
        assert pacing.is_short(own, young, found, 51)


def test_the_gate_refuses_a_launch_the_warm_up_has_no_room_for(db, session, young, clock):
    launch = make.launch(contacts=2, ends_at=clock() + timedelta(hours=8))
    session.add(Warmup(domain=DOMAIN, own_cap=1))
    session.commit()
    with db.reading() as own:
        told = pacing.warm_up(own, young, own.get_one(make.Launch, launch.id), 2)
    assert (told.capacity, told.finishes_on) == (1, None)


def test_a_launch_says_when_it_will_be_out(db, session, young, clock):
    launch = make.running_launch(contacts=60)
    session.commit()
    engine.drain(young, look.owner())
    with db.reading() as own:
        told = pacing.under_way(own, young, own.get_one(make.Launch, launch.id))
    assert told.left == 0
    assert told.finishes == clock().replace(hour=0) + timedelta(days=1)


def test_the_domain_is_noted_on_the_launch_and_counted(db, session, young, clock):
    launch = make.running_launch(contacts=3)
    session.commit()
    engine.drain(young, look.owner())
    with db.reading() as own:
        assert own.get_one(LaunchPace, launch.id).domain == DOMAIN
        assert limits.taken(own, f"mailbox:{DOMAIN}:other", clock()) == 3
        assert own.scalar(select(func.count()).select_from(SendChunk)) == 1
