"""The last day of a kit: who is told before, what happens after, and how it is renewed."""

import email
from datetime import UTC, date, datetime, timedelta
from email.policy import default as modern
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from tests import factories
from tests.factories import launches as make
from tests.factories import pages
from tpma.core.errors import Conflict, Invalid
from tpma.identity.models import AuditLog, Organisation
from tpma.jobs import Job
from tpma.kits import dates, reminders, rules
from tpma.kits.models import Kit, KitReminder
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.sending.findings import Tone
from tpma.sending.models import Message, SendState
from tpma.worker.loop import settle

TODAY = date(2026, 3, 2)  # the day of the tests' clock
URL = "https://tpma.example"


@pytest.mark.parametrize(
    ("left", "told", "marks"),
    [
        (31, (), set()),
        (30, (), {30}),
        (30, (30,), set()),
        (8, (30,), set()),
        (7, (30,), {7}),
        (7, (30, 7), set()),
        (0, (), {30, 7}),  # published on its last day: one mail, both marks
        (-1, (), set()),
    ],
)
def test_a_mark_is_reached_once(left, told, marks):
    assert rules.marks_reached(left, told) == marks


@pytest.mark.parametrize(
    ("zone", "now", "over"),
    [
        ("UTC", datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC), False),
        ("UTC", datetime(2026, 3, 3, tzinfo=UTC), True),
        ("Asia/Tokyo", datetime(2026, 3, 2, 15, tzinfo=UTC), True),
        ("America/New_York", datetime(2026, 3, 3, 4, 59, tzinfo=UTC), False),
        ("America/New_York", datetime(2026, 3, 3, 5, tzinfo=UTC), True),
    ],
)
def test_the_last_day_ends_by_the_vendors_calendar(zone, now, over):
    assert rules.is_over(TODAY, zone, now) is over
    assert (now >= rules.over_at(TODAY, zone)) is over
    assert not rules.is_over(None, zone, now)


def test_a_last_day_before_the_clocks_change_ends_at_midnight():
    end = rules.over_at(date(2026, 3, 28), "Europe/Berlin")
    assert end.astimezone(ZoneInfo("Europe/Berlin")).isoformat() == "2026-03-29T00:00:00+01:00"


def ends_in(version, days):
    version.kit.retires_on = TODAY + timedelta(days=days)


@pytest.fixture
def helio(session):
    return factories.vendor(trading_name="Helio Cloud").organisation


def notices(session):
    return [j.payload for j in session.scalars(select(Job).where(Job.name == "sending.notice"))]


def test_one_mail_lists_every_kit_that_ends_within_30_days(session, helio):
    first, second = (
        factories.kit_version(helio),
        factories.kit_version(helio, key="TWO", slug="second-kit"),
    )
    later = factories.kit_version(helio, key="THR", slug="third-kit")
    ends_in(first, 30), ends_in(second, 12), ends_in(later, 31)
    owner = factories.membership(helio, "PB")
    factories.membership(helio, "EX")
    session.flush()

    assert reminders.remind(session, URL) == 1
    (mail,) = notices(session)
    assert mail["recipient"] == owner.user.email
    assert "12 days left" in mail["body"]
    assert "30 days left" in mail["body"]
    assert mail["body"].index("second-kit") < mail["body"].index(f"{first.kit.slug}/dates")
    assert "third-kit" not in mail["body"]
    assert f"Renew: {URL}/studio/kits/second-kit/dates\n" in mail["body"]
    assert f"Replace by a new version: {URL}/studio/kits/upload" in mail["body"]
    assert f"Archive: {URL}/studio/kits/second-kit/dates#archive" in mail["body"]


def test_told_at_30_days_and_at_7_and_never_in_between(session, helio, clock):
    ends_in(factories.kit_version(helio), 40)
    factories.membership(helio, "PB")
    session.flush()
    told = {}
    for day in range(45):
        for _sweep in range(3):
            reminders.remind(session, URL)
        told[40 - day] = len(notices(session))
        clock.forward(days=1)
    assert [left for left in told if told[left] > told.get(left + 1, 0)] == [30, 7]
    assert told[-4] == 2


def test_a_new_version_is_told_of_anew(session, helio):
    ends_in(factories.kit_version(helio), 20)
    factories.membership(helio, "PB")
    session.flush()
    reminders.remind(session, URL)
    until = (TODAY + timedelta(days=25)).isoformat()
    factories.kit_version(helio, semver="1.1.0", retires=until)
    assert reminders.remind(session, URL) == 1
    assert session.scalar(select(func.count(KitReminder.id))) == 2


@pytest.mark.parametrize(("days", "again"), [(60, [30, 7]), (20, [7])])
def test_a_renewed_kit_is_told_of_again_before_its_new_end(session, helio, clock, days, again):
    version = factories.kit_version(helio)
    ends_in(version, 5)
    owner = factories.membership(helio, "PB")
    session.flush()
    reminders.remind(session, URL)
    dates.renew(session, factories.actor(owner), version.kit, TODAY + timedelta(days=days))
    told = {}
    for left in range(days, -1, -1):
        reminders.remind(session, URL)
        told[left] = len(notices(session))
        clock.forward(days=1)
    assert [left for left in told if told[left] > told.get(left + 1, 1)] == again


def test_another_vendors_kits_stay_out_of_the_mail(session, helio):
    nimbus = factories.vendor().organisation
    ends_in(factories.kit_version(helio), 5)
    ends_in(factories.kit_version(nimbus, key="NIM", slug="nimbus-kit"), 5)
    owners = {factories.membership(helio, "VA").user.email: "nimbus-kit"}
    owners[factories.membership(nimbus, "VA").user.email] = "small-kit"
    session.flush()
    reminders.remind(session, URL)
    assert {m["recipient"] for m in notices(session)} == set(owners)
    assert all(owners[mail["recipient"]] not in mail["body"] for mail in notices(session))


def test_nobody_is_told_of_a_kit_that_has_no_end_or_is_not_published(session, helio):
    factories.kit_version(helio)
    draft = factories.kit_draft(helio, key="DRA", slug="draft-kit")
    ends_in(draft, 3)
    factories.membership(helio, "PB")
    session.flush()
    assert reminders.remind(session, URL) == 0


def test_the_mail_in_the_outbox_is_german_for_a_german(session, helio, system):
    ends_in(factories.kit_version(helio), 7)
    factories.membership(helio, "PB", user=factories.user(locale="de", timezone="Europe/Berlin"))
    session.commit()
    settle(system)
    settle(system)
    files = list(system.settings.outbox_folder.glob("new/n*.eml"))
    assert len(files) == 1
    mail = email.message_from_bytes(files[0].read_bytes(), policy=modern)
    assert mail["Subject"] == "1 Kit endet innerhalb von 30 Tagen: Small kit"
    text = mail.get_body(("plain",)).get_content()
    assert "letzter Tag 9. März 2026, noch 7 Tage" in text
    assert "Verlängern: http://localhost:8000/studio/kits/small-kit/dates" in text


def launch_of(session, days=5, **given):
    made = make.scheduled_launch(contacts=2, **given)
    ends_in(made.kit_version, days)
    session.flush()
    return made


def test_a_launch_does_not_start_once_its_kit_has_ended(session, system, clock):
    launch = make.launch(contacts=2, start_at=clock() + timedelta(days=3))
    make.schedule(launch)
    ends_in(launch.kit_version, 1)
    session.commit()
    clock.forward(days=3)
    settle(system)
    with system.db.reading() as fresh:
        found = fresh.get_one(Launch, launch.id)
        assert found.state is LaunchState.CANCELLED
        states = set(fresh.scalars(select(Message.send_state)))
        assert states <= {SendState.CANCELLED, SendState.SKIPPED}
        log = fresh.scalars(select(AuditLog).where(AuditLog.action == "launch.cancel")).one()
        assert log.detail == {"cause": "kit_ended"}
        told = [m for m in notices(fresh) if "did not start" in m["subject"]]
    assert told
    assert all(launch.campaign_code in mail["body"] for mail in told)
    assert not list(system.settings.outbox_folder.glob("new/m*.eml"))


def test_the_check_of_a_launch_refuses_a_start_after_the_renewed_or_shortened_day(session, system):
    from tpma.sending import service as sending

    launch = make.launch(contacts=2)
    ends_in(launch.kit_version, -1)
    session.flush()
    report = sending.check(session, system, launch)
    assert "The kit retires before your start" in [c.title for c in report.checks]
    ends_in(launch.kit_version, 60)
    session.flush()
    report = sending.check(session, system, launch)
    assert {c.rule for c in report.checks if c.tone is Tone.RED} == {"TEST-01"}  # no proof yet


def test_what_has_not_left_when_the_kit_ends_never_does(session, system, clock):
    launch = make.scheduled_launch(contacts=2, mails=2)
    session.commit()
    settle(system)
    sent = len(list(system.settings.outbox_folder.glob("new/m*.eml")))
    assert sent == 2
    with system.db.transaction() as again:
        again.get_one(Kit, launch.kit_version.kit_id).retires_on = TODAY + timedelta(days=1)
    clock.forward(days=2)
    settle(system)
    with system.db.reading() as fresh:
        found = fresh.get_one(Launch, launch.id)
        assert found.state is LaunchState.ENDED
        assert found.ends_at == datetime(2026, 3, 4, tzinfo=UTC)
    clock.forward(days=30)
    settle(system)
    assert len(list(system.settings.outbox_folder.glob("new/m*.eml"))) == sent


def test_ending_twice_is_ending_once(session, clock):
    launch_of(session, 0)
    running = session.scalars(select(Launch)).one()
    launches.start(session, running)
    clock.forward(days=1)
    assert launches.end_with_kits(session) == 1
    assert launches.end_with_kits(session) == 0


@pytest.mark.parametrize(
    ("browser", "tag", "words"),
    [("de", "de-DE", "geschlossen"), ("ja", "ja-JP", ""), ("ar", "ar-AE", ""), ("en", "en-US", "")],
)
def test_a_live_page_says_that_it_is_closed_in_the_readers_language(
    client, session, clock, browser, tag, words
):
    page = pages.page()
    ends_in(session.get_one(Launch, page.launch_id).kit_version, 0)
    session.commit()
    asked = {"Accept-Language": browser, "User-Agent": "Mozilla/5.0"}
    assert client.get(f"/l/{page.slug}", headers=asked).status_code == 200
    clock.forward(days=1)
    answer = client.get(f"/l/{page.slug}", headers=asked)
    assert answer.status_code == 410
    assert f'<html lang="{tag}"' in answer.text
    assert "<form" not in answer.text


def test_a_form_of_an_ended_kit_is_not_taken_and_a_renewed_ones_is(client, session, db, clock):
    from tests.factories import leads

    page = pages.page()
    kit = session.get_one(Launch, page.launch_id).kit_version.kit
    kit.retires_on = TODAY
    session.commit()
    carried = leads.open_form(client, page)
    clock.forward(days=1)
    assert leads.send_form(client, page, carried).status_code == 410
    with db.transaction() as again:
        again.get_one(Kit, kit.id).retires_on = TODAY + timedelta(days=1)
    assert leads.send_form(client, page, carried).status_code == 303


@pytest.fixture
def place(session):
    version = factories.kit_version()
    vendor = session.get_one(Organisation, version.tenant_id)
    who = factories.membership(vendor, "PB")
    stranger = factories.membership(factories.vendor().organisation, "PB")
    session.commit()
    return version.kit, who, stranger


def by(place):
    return factories.actor(place[1])


def test_renewing_and_archiving_leave_their_rows(db, place):
    with db.transaction() as session:
        _renewed_and_archived(session, place)


def _renewed_and_archived(session, place):
    kit = session.get_one(Kit, place[0].id)
    dates.renew(session, by(place), kit, TODAY + timedelta(days=90))
    assert kit.retires_on == date(2026, 5, 31)
    dates.archive(session, by(place), kit)
    assert kit.retires_on == date(2026, 3, 1)
    with pytest.raises(Conflict):
        dates.archive(session, by(place), kit)
    dates.renew(session, by(place), kit, TODAY)
    session.flush()
    rows = session.scalars(select(AuditLog).where(AuditLog.object_type == "Kit"))
    told = [(row.action, row.detail.get("after")) for row in rows if row.action != "kit.create"]
    assert told == [
        ("kit.renewed", "2026-05-31"),
        ("kit.archived", "2026-03-01"),
        ("kit.renewed", "2026-03-02"),
    ]


@pytest.mark.parametrize("day", [None, TODAY - timedelta(days=1), date(2036, 1, 1)])
def test_a_last_day_is_to_come_and_near(db, place, day):
    with db.reading() as session, pytest.raises(Invalid) as refusal:
        dates.renew(session, by(place), session.get_one(Kit, place[0].id), day)
    assert refusal.value.field == "last_day"


def test_the_page_renews_and_names_the_field(client, place):
    kit, who, _stranger = place
    factories.signed_in(client, who)
    address = f"/studio/kits/{kit.slug}/dates"
    assert client.get(address).status_code == 200
    refused = client.post(address, data={"last_day": "2026-02-01"})
    assert refused.status_code == 422
    assert 'id="last_day-error"' in refused.text
    assert client.post(address, data={"last_day": "2026-03-20"}).status_code == 303
    listed = client.get("/studio/kits/").text
    assert "1 kit ends within 30 days" in listed
    assert "18 days left" in listed
    assert client.post(f"/studio/kits/{kit.slug}/archive").status_code == 303
    assert client.post(f"/studio/kits/{kit.slug}/archive").status_code == 409
    assert "ends within 30 days" not in client.get("/studio/kits/").text


def test_another_vendors_kit_is_not_found(client, place):
    kit, _who, stranger = place
    factories.signed_in(client, stranger)
    for path in ("dates", "archive"):
        assert client.post(f"/studio/kits/{kit.slug}/{path}").status_code == 404
