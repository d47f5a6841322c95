"""The desk's clock: both sides see it, the desk is told, and small deals need nobody."""

import email
from datetime import timedelta
from email.policy import default as modern
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from tests.factories import deals as factories
from tests.factories.base import bind
from tests.factories.identity import membership
from tpma.core.money import Money
from tpma.deals import desk, reminders, rules, service
from tpma.deals.models import DealRegistration, DealState, Opportunity
from tpma.identity.models import AuditLog
from tpma.jobs import Job
from tpma.leads.models import LeadState
from tpma.partners.models import EnrolmentState, Programme, Tier
from tpma.worker.loop import settle

URL = "https://tpma.example"
LIMIT = 1_400_000  # what the factory's registration is worth


@pytest.mark.parametrize(
    ("value", "limits", "is_active", "limit"),
    [
        (LIMIT, {"USD": LIMIT}, True, LIMIT),
        (LIMIT - 1, {"USD": LIMIT}, True, LIMIT),
        (LIMIT + 1, {"USD": LIMIT}, True, None),
        (LIMIT, {}, True, None),  # off, as every programme begins
        (LIMIT, {"USD": 0}, True, None),
        (LIMIT, {"EUR": 10 * LIMIT}, True, None),  # amounts are never converted
        (LIMIT, {"USD": LIMIT}, False, None),
        (0, {"USD": LIMIT}, True, None),
    ],
)
def test_what_a_rule_may_approve(value, limits, is_active, limit):
    found = rules.approving_limit(Money(value, "USD"), limits, is_active)
    assert found == (Money(limit, "USD") if limit else None)


@pytest.fixture
def world(session):
    return World()


class World:
    """A vendor with a desk, an admin, and a gold partner with a launch."""

    def __init__(self, limit=0, **vendor):
        self.vendor = factories.vendor("Helio Cloud", **vendor)
        self.enrolment = factories.enrolment(self.vendor, "Brightline")
        self.launch = factories.launch(self.enrolment)
        self.sales = factories.partner_actor(self.enrolment)
        self.desk = factories.vendor_actor(self.vendor)
        self.chief = factories.vendor_actor(self.vendor, "VA")
        if limit:
            self.enrolment.tier.auto_approve = {"USD": limit}

    def deal(self, domain="harborpoint.example", **changes):
        return factories.deal(
            factories.lead(self.launch, company_domain=domain), self.sales, **changes
        )

    def rival(self, limit=0):
        enrolment = factories.enrolment(self.vendor, "Kestrel")
        if limit:
            enrolment.tier.auto_approve = {"USD": limit}
        launch = factories.launch(enrolment, factories.kit(self.vendor))
        lead = factories.lead(launch, company_domain="harborpoint.example")
        return lead, factories.partner_actor(enrolment)


def notices(session):
    return [j.payload for j in session.scalars(select(Job).where(Job.name == "sending.notice"))]


def about(session, words):
    return [mail for mail in notices(session) if words in mail["subject"]]


def test_by_default_the_desk_decides(session, world):
    assert world.deal().state is DealState.SUBMITTED


def test_a_small_deal_is_approved_the_moment_it_is_submitted(session, clock):
    world = World(limit=LIMIT)
    deal = world.deal()
    assert deal.state is DealState.APPROVED
    assert (deal.decided_by, deal.decided_at, deal.answer_due_at) == (None, clock.now, None)
    assert str(deal.protected_until) == "2026-05-31"
    assert session.scalars(select(Opportunity.amount_minor)).one() == LIMIT
    assert deal.lead.state is LeadState.DEAL_REGISTERED
    row = session.scalars(select(AuditLog).where(AuditLog.action == "deal.auto_approved")).one()
    assert row.actor_id is None
    assert row.tenant_id == world.vendor.id
    assert row.detail == {
        "ref": deal.ref,
        "until": "2026-05-31",
        "rule": "tier_limit",
        "tier": "gold",
        "limit": LIMIT,
        "value": LIMIT,
        "currency": "USD",
    }
    assert [mail["subject"] for mail in notices(session)] == [
        "Harbor Point Health is protected for you"
    ]


def test_an_approval_by_the_desk_says_so_too(session, world):
    deal = world.deal()
    desk.approve(session, world.desk, deal)
    row = session.scalars(select(AuditLog).where(AuditLog.action == "deal.approved")).one()
    assert (row.detail["rule"], row.actor_id) == ("desk", world.desk.user_id)


def test_a_large_deal_goes_to_the_desk(session):
    assert World(limit=LIMIT - 1).deal().state is DealState.SUBMITTED


def test_a_suspended_partners_deal_goes_to_the_desk(session):
    world = World(limit=LIMIT)
    world.enrolment.state = EnrolmentState.SUSPENDED
    assert world.deal().state is DealState.SUBMITTED


@pytest.mark.parametrize("decided", [False, True])
def test_a_rule_never_overtakes_another_registration(session, decided):
    world = World(limit=LIMIT)
    lead, other = world.rival()
    first = factories.deal(lead, other)
    if decided:
        desk.approve(session, world.desk, first)
    second = world.deal()
    assert second.state is (DealState.QUEUED if decided else DealState.SUBMITTED)


def test_two_partners_at_once_are_not_both_approved(db):
    with db.transaction() as session:
        bind(session)
        world = World(limit=LIMIT)
        mine = factories.lead(world.launch, company_domain="harborpoint.example")
        theirs, other = world.rival(limit=LIMIT)
        asked = [(mine.id, world.sales), (theirs.id, other)]
    together = Barrier(2)

    def register(lead_id, actor):
        together.wait()
        with db.transaction() as own:
            service.register(own, actor, lead_id, factories.answers())

    threads = [Thread(target=register, args=one) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with db.reading() as session:
        states = session.scalars(select(DealRegistration.state)).all()
        assert states.count(DealState.APPROVED) == 1
        assert len(states) == 2


def test_the_desk_is_told_before_and_after_and_admins_after(session, world, clock):
    deal = world.deal()
    assert deal.remind_at == clock.now + timedelta(hours=36)
    clock.forward(hours=36)
    assert reminders.remind(session, URL) == 1
    assert reminders.remind(session, URL) == 0
    assert len(about(session, "to be answered soon")) == 1
    assert deal.ref in about(session, "to be answered soon")[0]["body"]
    clock.forward(hours=12)
    assert reminders.remind(session, URL) == 1
    clock.forward(days=9)
    assert reminders.remind(session, URL) == 0
    late = about(session, "not answered in time")
    assert len(late) == 2
    assert {mail["tenant_id"] for mail in late} == {str(world.vendor.id)}
    rows = session.scalars(select(AuditLog.action).where(AuditLog.action == "deal.late")).all()
    assert len(rows) == 1


def test_several_registrations_are_one_mail(session, world, clock):
    for number in range(3):
        world.deal(f"company{number}.example")
    clock.forward(hours=36)
    assert reminders.remind(session, URL) == 3
    assert [m["subject"][:15] for m in about(session, "answered soon")] == ["3 registrations"]


def test_a_question_stops_the_clock_and_the_answer_starts_it(session, world, clock):
    deal = world.deal()
    clock.forward(hours=24)
    desk.request_info(session, world.desk, deal, "Who decides there?")
    clock.forward(days=1)
    assert reminders.remind(session, URL) == 0
    service.resubmit(session, world.sales, deal, "The IT director.")
    assert deal.answer_due_at == clock.now + timedelta(hours=24)
    assert deal.remind_at == clock.now + timedelta(hours=18)
    clock.forward(hours=18)
    assert reminders.remind(session, URL) == 1


@pytest.mark.parametrize("end", ["approve", "reject", "withdraw"])
def test_a_decision_stops_the_clock_for_good(session, world, clock, end):
    deal = world.deal()
    if end == "approve":
        desk.approve(session, world.desk, deal)
    elif end == "reject":
        desk.reject(session, world.desk, deal, "below_minimum", "Too small for now.")
    else:
        service.withdraw(session, world.sales, deal)
    assert (deal.answer_due_at, deal.remind_at) == (None, None)
    clock.forward(days=9)
    assert reminders.remind(session, URL) == 0


def test_the_vendors_holidays_lengthen_the_desks_time(session, world, clock):
    for programme in session.scalars(select(Programme)):
        programme.holidays = ["2026-03-03", "2026-03-04 DE"]
    assert world.deal().answer_due_at == clock.now + timedelta(days=3)


def test_the_mail_in_the_outbox_is_german_for_a_german(db, session, world, clock, system):
    from tpma.identity.models import User

    session.get_one(User, world.desk.user_id).locale = "de"
    deal = world.deal()
    session.commit()
    clock.forward(days=2)
    settle(system)
    settle(system)
    found = [
        email.message_from_bytes(file.read_bytes(), policy=modern)
        for file in system.settings.outbox_folder.glob("new/n*.eml")
    ]
    subjects = [mail["Subject"] for mail in found]
    assert subjects.count("1 Registrierung wurde nicht rechtzeitig beantwortet") == 1
    (mail,) = [m for m in found if m["Subject"].startswith("1 Registrierung wurde nicht")]
    text = mail.get_body(("plain",)).get_content()
    assert f"{deal.ref}, Harbor Point Health von Brightline" in text


def test_both_sides_see_the_same_clock(client, session, world, clock):
    deal = world.deal()
    session.commit()
    seen = {}
    for hours in (0, 36, 12):
        clock.forward(hours=hours)
        pages = [
            factories.signed_in(client, world.sales).get(f"/portal/deals/{deal.id}").text,
            client.get("/portal/deals/").text,
            factories.signed_in(client, world.desk).get(f"/studio/deals/{deal.id}").text,
            client.get("/studio/deals/").text,
        ]
        words = ("On time", "Due soon", "Missed", "Answer late since")
        seen[hours] = [[word for word in words if word in page] for page in pages]
    assert [found[0] for found in seen.values()] == [["On time"], ["Due soon"], ["Missed"]]
    assert [found[2] for found in seen.values()] == [["On time"], ["Due soon"], ["Missed"]]
    assert [found[3] for found in seen.values()] == [["On time"], ["Due soon"], ["Missed"]]
    assert seen[12][1] == ["Answer late since"]


def test_the_facts_name_the_rule_that_approved(client, session):
    world = World(limit=LIMIT)
    deal = world.deal()
    session.commit()
    page = factories.signed_in(client, world.desk).get(f"/studio/deals/{deal.id}").text
    assert "Gold, up to $14,000" in page
    assert "Approved at once by a rule of the programme" in page
    theirs = factories.signed_in(client, world.sales).get(f"/portal/deals/{deal.id}").text
    assert "Approved at once by a rule of the programme" in theirs


# --- the page of the programme -----------------------------------------------------------------


@pytest.fixture
def chief(client, session, world):
    session.commit()
    return factories.signed_in(client, world.chief)


PAGE = "/studio/programme/"


def test_an_admin_sets_limits_and_holidays(chief, db, world):
    assert "Desk decides" in chief.get(PAGE).text
    sent = {"limit-gold-USD": "14,000", "holidays": "2026-12-25\n2026-10-03 de\n2026-12-25"}
    assert chief.post(PAGE, data=sent).status_code == 303
    with db.reading() as session:
        tier = session.get_one(Tier, world.enrolment.tier_id)
        assert tier.auto_approve == {"USD": LIMIT}
        programme = session.get_one(Programme, world.enrolment.programme_id)
        assert programme.holidays == ["2026-10-03 DE", "2026-12-25"]
        row = session.scalars(select(AuditLog).where(AuditLog.action == "programme.changed")).one()
        assert row.detail["auto_approve.gold"] == {"before": {}, "after": {"USD": LIMIT}}
    assert 'value="14,000"' in chief.get(PAGE).text
    assert chief.post(PAGE, data=sent).status_code == 303
    with db.reading() as session:
        counted = select(func.count()).where(AuditLog.action == "programme.changed")
        assert session.scalar(counted) == 1  # nothing changed, nothing written
    assert chief.post(PAGE, data={}).status_code == 303
    with db.reading() as session:
        assert session.get_one(Tier, world.enrolment.tier_id).auto_approve == {}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"limit-gold-USD": "many"}, "limit-gold-USD"),
        ({"limit-gold-USD": "-1"}, "limit-gold-USD"),
        ({"limit-gold-USD": "14,000.005"}, "limit-gold-USD"),
        ({"holidays": "Christmas"}, "holidays"),
        ({"holidays": "2026-02-30"}, "holidays"),
        ({"holidays": "2026-12-25 XX"}, "holidays"),
        ({"holidays": "2026-12-25\n<script>"}, "holidays"),
    ],
)
def test_what_cannot_be_understood_is_told_at_its_field(chief, db, world, sent, field):
    answer = chief.post(PAGE, data=sent)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert "<script>" not in answer.text.split("<main")[-1]
    with db.reading() as session:
        assert session.get_one(Tier, world.enrolment.tier_id).auto_approve == {}


@pytest.mark.parametrize("role", ["PB", "CM", "DD", "EX"])
def test_nobody_else_sets_them(client, session, world, role):
    member = membership(world.vendor, role)
    session.commit()
    from tests.factories.identity import signed_in

    assert signed_in(client, member).get(PAGE).status_code == 404
    assert client.post(PAGE, data={"limit-gold-USD": "1"}).status_code == 404
