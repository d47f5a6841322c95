"""The time a partner has to answer: reminded before, escalated after, by nobody twice."""

import email
from datetime import date, datetime, timedelta
from email.policy import default as modern
from itertools import product
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import leads as make
from tests.factories import pages
from tpma.identity.models import AuditLog, Organisation
from tpma.jobs import Job
from tpma.leads import deadlines, queries, rules, service
from tpma.leads.models import Lead, LeadState
from tpma.leads.rules import Standing, Window
from tpma.partners.models import EnrolmentState, Programme
from tpma.worker.loop import settle

URL = "https://tpma.example"
BERLIN = ZoneInfo("Europe/Berlin")


def at(*parts):
    return datetime(*parts, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("start", "closed", "due"),
    [
        (at(2026, 5, 7, 15), (), at(2026, 5, 11, 15)),  # T-58
        (at(2026, 5, 7, 15), (date(2026, 5, 11),), at(2026, 5, 12, 15)),  # T-58, with a holiday
        (at(2026, 5, 11, 15), (date(2026, 5, 11),), at(2026, 5, 14, 9)),  # starts on a holiday
        # Good Friday to Easter Monday, from the Thursday before.
        (at(2026, 4, 2, 17), (date(2026, 4, 3), date(2026, 4, 6)), at(2026, 4, 8, 17)),
    ],
)
def test_holidays_are_no_working_days(start, closed, due):
    assert rules.answer_due(start, "Europe/Berlin", "DE", closed=closed) == due


@pytest.mark.parametrize(
    ("start", "warning"),
    [
        (at(2026, 5, 5, 9), at(2026, 5, 6, 21)),  # Tuesday to Thursday, three quarters of 48 h
        (at(2026, 5, 7, 15), at(2026, 5, 10, 15)),  # over a weekend it is elapsed time
        (at(2026, 5, 9, 22), at(2026, 5, 12, 21)),  # from Monday nine o'clock
    ],
)
def test_the_warning_comes_after_three_quarters_of_the_time(start, warning):
    assert rules.answer_window(start, "Europe/Berlin", "DE").warning == warning


DUE, WARN = at(2026, 5, 7, 9), at(2026, 5, 6, 21)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("remind_at", "now", "standing"),
    [
        (WARN, WARN - SECOND, Standing.ON_TIME),
        (WARN, WARN, Standing.SOON),
        (DUE, WARN + SECOND, Standing.SOON),  # the warning was given
        (None, WARN, Standing.SOON),
        (DUE, DUE - SECOND, Standing.SOON),
        (DUE, DUE, Standing.MISSED),
        (None, DUE + SECOND, Standing.MISSED),
    ],
)
def test_how_it_stands_with_an_answer(remind_at, now, standing):
    assert rules.standing(remind_at, DUE, now) is standing


@pytest.mark.parametrize(
    ("escalated", "now", "then"),
    [
        (None, WARN - SECOND, WARN),
        (None, WARN, DUE),
        (DUE, DUE + SECOND, None),
    ],
)
def test_an_answer_taken_back_is_waited_for_again(escalated, now, then):
    window = Window(DUE - timedelta(hours=48), DUE)
    assert rules.reminder_after_reopening(window, escalated, now) == then


@pytest.fixture
def place(session):
    """A partner with sales and an admin, its channel manager, and a launch of theirs."""
    return Place()


class Place:
    def __init__(self):
        self.launch = pages.launch()
        self.page = pages.page(self.launch, ("en-US",))
        self.enrolment = self.launch.enrolment
        self.partner, self.vendor = self.enrolment.partner, self.enrolment.vendor
        self.sales = factories.membership(self.partner, "PS").user
        self.manager = factories.membership(self.vendor, "CM").user
        self.chief = factories.membership(self.vendor, "VA").user
        self.enrolment.manager = self.manager

    def lead(self, **given):
        window = Window(factories.base.bound().info["clock"](), None)
        made = make.lead(self.launch, self.page, **given)
        made.remind_at = Window(window.start, made.due_at).warning
        return made


def notices(session):
    return [j.payload for j in session.scalars(select(Job).where(Job.name == "sending.notice"))]


def told(session, user):
    return [mail for mail in notices(session) if mail["recipient"] == user.email]


def test_a_form_sets_the_warning(client, session, db, clock):
    page = pages.page()
    session.commit()
    carried = make.open_form(client, page)
    clock.forward(seconds=5)
    assert make.send_form(client, page, carried).status_code == 303
    with db.reading() as fresh:
        lead = fresh.scalars(select(Lead)).one()
        assert lead.due_at == clock.now + timedelta(days=2)
        assert lead.remind_at == clock.now + timedelta(hours=36)


def test_a_form_counts_the_vendors_holidays(client, session, db, clock):
    page = pages.page()
    for programme in session.scalars(select(Programme)):
        programme.holidays = ["2026-03-03 US", "2026-03-04 DE"]
    session.commit()
    carried = make.open_form(client, page)
    clock.forward(seconds=5)
    make.send_form(client, page, carried)
    with db.reading() as fresh:
        assert fresh.scalars(select(Lead.due_at)).one() == clock.now + timedelta(days=3)


def test_sales_are_reminded_once_with_what_they_need(session, place, clock):
    lead = place.lead()
    clock.forward(hours=35, minutes=59)
    assert deadlines.keep(session, URL) == 0
    clock.forward(minutes=1)
    assert deadlines.keep(session, URL) == 1
    for _sweep in range(3):
        clock.forward(minutes=1)
        assert deadlines.keep(session, URL) == 0
    (mail,) = told(session, place.sales)
    assert "1 lead needs your answer" in mail["subject"]
    assert "Priya Raman, Harbor Point Health" in mail["body"]
    assert f"{URL}/portal/leads/{lead.id}" in mail["body"]
    assert told(session, place.manager) == []


def test_several_leads_are_one_mail(session, place, clock):
    for _lead in range(3):
        place.lead()
    clock.forward(hours=36)
    deadlines.keep(session, URL)
    assert [mail["subject"][:7] for mail in told(session, place.sales)] == ["3 leads"]


def test_a_missed_answer_goes_to_admin_and_channel_manager_and_the_lead_stays(
    session, place, clock
):
    lead = place.lead()
    admins = [m.user for m in factories_members(session, place.partner) if "PA" in m.roles]
    clock.forward(days=2)
    assert deadlines.keep(session, URL) == 1
    assert (lead.state, lead.tenant_id) == (LeadState.ROUTED, place.partner.id)
    assert (lead.escalated_at, lead.remind_at) == (clock.now, None)
    assert len(admins) >= 1
    assert all(len(told(session, admin)) == 1 for admin in admins)
    assert len(told(session, place.manager)) == 1
    assert told(session, place.chief) == []
    assert told(session, place.sales) == []
    clock.forward(days=9)
    assert deadlines.keep(session, URL) == 0
    row = session.scalars(select(AuditLog).where(AuditLog.action == "lead.escalated")).one()
    assert row.detail == {"code": lead.campaign_code}


def factories_members(session, company):
    from tpma.identity import queries as identity

    return identity.members(session, company.id)


@pytest.mark.parametrize("consented", [True, False])
def test_the_channel_manager_reads_nothing_about_a_person(session, place, clock, consented):
    lead = place.lead(share_with_vendor=consented, phone="+1 614 555 0186", title="IT director")
    clock.forward(days=3)
    deadlines.keep(session, URL)
    (mail,) = told(session, place.manager)
    words = mail["subject"] + mail["body"]
    for private in (
        "Priya",
        "Raman",
        lead.email,
        "Harbor Point",
        "harborpoint",
        "614",
        str(lead.id),
    ):
        assert private not in words
    assert lead.campaign_code in words
    assert place.partner.trading_name in words
    assert mail["tenant_id"] == str(place.vendor.id)


def test_without_a_channel_manager_the_vendors_admins_are_told(session, place, clock):
    place.enrolment.manager = None
    place.lead()
    clock.forward(days=3)
    deadlines.keep(session, URL)
    assert len(told(session, place.chief)) == 1
    assert told(session, place.manager) == []


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_who_answered_hears_nothing_more(session, place, clock, answer):
    lead = place.lead()
    actor = factories.actor(factories.membership(place.partner, "PS"), place.enrolment)
    if answer == "accept":
        service.accept(session, actor, lead)
    else:
        service.decline(session, actor, lead, "no_need", "")
    clock.forward(days=9)
    assert deadlines.keep(session, URL) == 0
    service.reopen(session, actor, lead)
    assert deadlines.keep(session, URL) == 1
    assert lead.escalated_at == clock.now


def test_two_workers_at_once_tell_once(db, session, clock):
    place = Place()
    place.lead()
    session.commit()
    clock.forward(days=2)
    together, done = Barrier(2), []

    def sweep():
        together.wait()
        with db.transaction() as own:
            done.append(deadlines.keep(own, URL))

    threads = [Thread(target=sweep) for _worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(done) == [0, 1]
    with db.reading() as fresh:
        assert len(told(fresh, place.manager)) == 1


def test_the_mails_in_the_outbox_speak_german_to_germans(session, place, clock, system):
    place.sales.locale = place.manager.locale = "de"
    place.sales.timezone = "Europe/Berlin"
    place.lead()
    session.commit()
    clock.forward(hours=36)
    settle(system)
    clock.forward(hours=12)
    settle(system)
    settle(system)
    mails = {}
    for file in system.settings.outbox_folder.glob("new/n*.eml"):
        mail = email.message_from_bytes(file.read_bytes(), policy=modern)
        mails.setdefault(mail["To"], []).append(mail)
    (reminder,) = mails[place.sales.email]
    assert reminder["Subject"].startswith("1 Lead braucht Ihre Antwort bis 04.03.2026, 10:00")
    (escalation,) = mails[place.manager.email]
    assert "hat die Frist für die Antwort auf 1 Lead verpasst" in escalation["Subject"]
    assert "Priya" not in escalation.as_string()


def test_a_suspended_partner_keeps_its_leads_and_its_deadlines(session, place, clock):
    place.enrolment.state = EnrolmentState.SUSPENDED
    place.lead()
    clock.forward(days=3)
    assert deadlines.keep(session, URL) == 1


def test_the_inbox_says_it_in_colour_icon_and_word(client, session, place, clock):
    lead = place.lead()
    member = factories.membership(place.partner, "PS")
    session.commit()
    factories.signed_in(client, member, place.enrolment)
    seen = []
    for hours in (0, 36, 12):
        clock.forward(hours=hours)
        page = client.get("/portal/leads/").text
        seen.append([word for word in ("On time", "Due soon", "Missed") if word in page])
    assert seen == [["On time"], ["Due soon"], ["Missed"]]
    assert 'data-t="ba"' in client.get(f"/portal/leads/{lead.id}").text


def test_the_page_of_a_missed_lead_says_who_was_told(client, session, db, place, clock):
    lead = place.lead()
    member = factories.membership(place.partner, "PS")
    session.commit()
    clock.forward(days=2)
    with db.transaction() as again:
        deadlines.keep(again, URL)
    factories.signed_in(client, member, place.enrolment)
    page = client.get(f"/portal/leads/{lead.id}").text
    assert "Your admin and your channel manager were told on" in page
    assert "Not answered in time" in page


def test_the_vendor_sees_counts_and_codes_of_its_own_partner(client, session, place, clock):
    late = place.lead()
    clock.forward(days=2)
    place.lead()
    stranger = factories.membership(factories.vendor().organisation, "VA")
    other = factories.membership(place.vendor, "CM")
    chief = factories.membership(place.vendor, "VA")
    session.commit()
    address = f"/studio/partners/{place.enrolment.id}/answers"
    page = factories.signed_in(client, chief).get(address).text
    assert late.campaign_code in page
    assert "1 lead, since" in page
    for private in ("Priya", "Raman", late.email, "Harbor"):
        assert private not in page
    assert address in client.get(f"/studio/partners/{place.enrolment.id}").text
    for outsider in (stranger, other):
        assert factories.signed_in(client, outsider).get(address).status_code == 404


def test_counts_are_by_vendor_and_enrolment(session, place, clock):
    place.lead()
    foreign = factories.vendor().organisation
    for vendor_id, enrolment_id in product((place.vendor.id, foreign.id), (place.enrolment.id,)):
        found = queries.answers(session, vendor_id, enrolment_id, clock() + timedelta(days=9))
        assert found.missed == (vendor_id == place.vendor.id)
    assert session.get_one(Organisation, foreign.id)
    assert queries.answers(session, place.vendor.id, place.enrolment.id, clock()).waiting == 1
