"""The wizard over HTTP: prefilled, autosaved, refused with the field named."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as build
from tpma.branding.models import Customisation
from tpma.launches import service
from tpma.launches.models import Launch, LaunchState
from tpma.sending.models import Message


@pytest.fixture
def draft(session):
    made = build.launch()
    session.commit()
    return made


@pytest.fixture
def marketer(client, db, draft):
    return _as(client, db, draft, "PM")


def _as(client, db, draft, role):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, draft.id)
        member = factories.membership(launch.enrolment.partner, role)
        return factories.signed_in(client, member, launch.enrolment)


def url(draft, screen=""):
    return f"/portal/launches/{draft.id}" + (f"/{screen}" if screen else "")


def again(db, draft) -> Launch:
    with db.reading() as session:
        return session.get_one(Launch, draft.id)


@pytest.mark.parametrize("screen", ["audience", "message", "goal", "time", "check"])
def test_every_screen_opens_filled_in_with_the_code(marketer, draft, screen):
    answer = marketer.get(url(draft, screen))
    assert answer.status_code == 200
    assert draft.campaign_code in answer.text


def test_a_draft_opens_where_it_was_left(marketer, draft):
    answer = marketer.get(url(draft))
    assert answer.headers["Location"].endswith("/audience")


def test_the_wizard_leads_from_screen_to_screen(marketer, db, draft):
    steps = [
        ("audience", {"segment": ""}, "/message"),
        ("message", {"slot_locale": "en"}, "/goal"),
        ("goal", {"goal_leads": "7", "goal_pipeline": "12,000", "planned_cost": "400"}, "/time"),
        (
            "time",
            {
                "from_name": "Dana",
                "reply_to": "dana@brightline.example",
                "when": "now",
                "timezone": "America/New_York",
            },
            "/check",
        ),
    ]
    for screen, form, then in steps:
        answer = marketer.post(url(draft, screen), data=form)
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith(then)
    found = again(db, draft)
    assert (found.goal_leads, found.planned_cost_minor) == (7, 40_000)
    assert found.step == 5


def test_words_are_saved_as_they_are_typed(marketer, db, draft):
    form = {"slot_locale": "en", "asset": "email1", "slot.email1.headline": "Checked in ten days"}
    answer = marketer.post(url(draft, "message"), data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    with db.reading() as session:
        assert session.scalars(select(Customisation.value)).one() == "Checked in ten days"


def test_a_word_too_long_is_named_and_nothing_typed_is_lost(marketer, draft):
    words = "x" * 500
    form = {"slot_locale": "en", "asset": "email1", "slot.email1.headline": words}
    answer = marketer.post(url(draft, "message"), data=form)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text


def test_a_tampered_locked_place_changes_nothing(marketer, db, draft):
    form = {"slot_locale": "en", "slot.email1.unsub": "Keep reading"}
    answer = marketer.post(url(draft, "message"), data=form)
    assert answer.status_code in {403, 404, 422}
    with db.reading() as session:
        assert session.scalars(select(Customisation)).all() == []


@pytest.mark.parametrize(
    ("screen", "form", "field"),
    [
        ("goal", {"goal_leads": "many"}, "goal_leads"),
        ("goal", {"goal_leads": "3", "planned_cost": "-5"}, "planned_cost"),
        ("time", {"from_name": "", "reply_to": "a@b.example", "timezone": "UTC"}, "from_name"),
        ("time", {"from_name": "A", "reply_to": "nobody", "timezone": "UTC"}, "reply_to"),
        (
            "time",
            {"from_name": "A", "reply_to": "a@b.example", "timezone": "UTC", "when": "at"},
            "start_at",
        ),
        (
            "time",
            {
                "from_name": "A",
                "reply_to": "a@b.example",
                "timezone": "UTC",
                "when": "at",
                "start_at": "2001-01-01T09:00",
            },
            "start_at",
        ),
    ],
)
def test_a_bad_field_is_named_on_the_page(marketer, draft, screen, form, field):
    answer = marketer.post(url(draft, screen), data=form)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_launching_plans_freezes_and_schedules(marketer, db, draft):
    answer = marketer.post(url(draft, "launch"))
    assert answer.status_code == 303
    assert again(db, draft).state is LaunchState.SCHEDULED
    with db.reading() as session:
        assert len(session.scalars(select(Message)).all()) == 3


def test_launching_twice_is_launching_once(marketer, db, draft):
    marketer.post(url(draft, "launch"))
    assert marketer.post(url(draft, "launch")).status_code == 303
    with db.reading() as session:
        assert len(session.scalars(select(Message)).all()) == 3


def test_a_red_check_stops_the_launch_and_links_to_its_cure(marketer, db, draft):
    with db.transaction() as session:
        session.get_one(Launch, draft.id).goal_leads = 0
    answer = marketer.post(url(draft, "launch"))
    assert answer.status_code == 409
    assert url(draft, "goal") in answer.text
    assert again(db, draft).state is LaunchState.DRAFT


@pytest.mark.parametrize("reader", ["typical", "longest", "missing"])
def test_the_preview_is_the_mail_in_a_locked_frame(marketer, draft, reader):
    answer = marketer.get(url(draft, f"preview/email1/en?reader={reader}"))
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "{{" not in answer.text


def test_the_page_of_a_running_launch_shows_how_far_it_is(marketer, db, draft):
    marketer.post(url(draft, "launch"))
    assert draft.campaign_code in marketer.get(url(draft)).text
    assert "mails handed over" in marketer.get(url(draft, "progress")).text


def test_a_scheduled_launch_can_be_taken_back(marketer, db, draft):
    marketer.post(url(draft, "launch"))
    marketer.post(url(draft, "unschedule"))
    assert again(db, draft).state is LaunchState.READY
    with db.reading() as session:
        assert session.scalars(select(Message)).all() == []


def test_a_viewer_may_look_and_not_launch(client, db, draft):
    viewer = _as(client, db, draft, "PV")
    assert viewer.get("/portal/launches/").status_code == 200
    assert viewer.post(url(draft, "launch")).status_code == 404


def test_a_code_typed_in_the_jump_field_opens_its_launch(marketer, draft):
    sloppy = draft.campaign_code.lower().replace("-", " - ")
    answer = marketer.get("/jump", query_string={"q": sloppy})
    assert answer.headers["Location"].endswith(str(draft.id))
    assert marketer.get("/jump?q=HC-SEC-0000000").status_code == 404


def test_the_data_sheet_is_a_pdf_named_by_the_code(marketer, draft):
    sheet = factories.kit_content().of_kind("pdf")[0].key
    answer = marketer.get(url(draft, f"document/{sheet}/en.pdf"))
    assert answer.mimetype == "application/pdf"
    assert draft.campaign_code in answer.headers["Content-Disposition"]


TIMED = {
    "from_name": "A", "reply_to": "a@b.example", "timezone": "Europe/Berlin", "when": "now",
    "clock": "reader", "hours_from": "8", "hours_until": "18", "weekday": ["1", "5"],
    "spread_hours": "4",
}  # fmt: skip


def test_the_trial_of_two_subjects_is_set_with_the_time(marketer, db, draft):
    asked = TIMED | {"trial_share": "40", "trial_hours": "12"}
    assert 'name="trial_share"' not in marketer.get(url(draft, "time")).text  # one subject
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, draft.id)
        who = factories.actor(build.member_of(launch.enrolment.partner))
        service.word(session, who, launch, "en", {"email1.subject_b": "Another offer"})
    assert 'name="trial_share"' in marketer.get(url(draft, "time")).text
    assert marketer.post(url(draft, "time"), data=asked).status_code == 303
    kept = again(db, draft)
    assert (kept.trial_share, kept.trial_hours) == (40, 12)
    for field, value in (("trial_share", "60"), ("trial_hours", ""), ("trial_hours", "half")):
        answer = marketer.post(url(draft, "time"), data=asked | {field: value})
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
    assert (again(db, draft).trial_share, again(db, draft).trial_hours) == (40, 12)


def test_whose_clock_and_which_hours_are_kept(marketer, db, draft):
    answer = marketer.post(url(draft, "time"), data=TIMED)
    assert answer.status_code == 303
    kept = again(db, draft)
    assert (kept.reader_time, kept.hours_from, kept.hours_until) == (True, 8, 18)
    assert (kept.weekdays, kept.spread_hours) == ("15", 4)
    page = marketer.get(url(draft, "time")).text
    assert 'value="reader" checked' in page


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"hours_until": "8"}, "hours_until"),
        ({"hours_from": "24"}, "hours_from"),
        ({"weekday": []}, "weekday"),
        ({"weekday": ["8"]}, "weekday"),
        ({"spread_hours": "5"}, "spread_hours"),
        ({"hours_from": "0", "hours_until": "24", "weekday": list("1234567")}, "hours_from"),
    ],
)
def test_hours_that_never_come_are_refused(marketer, db, draft, typed, field):
    answer = marketer.post(url(draft, "time"), data=TIMED | typed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert not again(db, draft).reader_time
    told = marketer.post(url(draft, "time/preview"), data=TIMED | typed)
    assert told.status_code == 200


def test_what_is_typed_is_previewed_and_not_kept(marketer, db, draft):
    answer = marketer.post(url(draft, "time/preview"), data=TIMED)
    assert "First reader" in answer.text
    assert not again(db, draft).reader_time


def test_a_zone_there_is_not_is_told_beside_the_form(marketer, draft):
    answer = marketer.post(url(draft, "time/preview"), data=TIMED | {"timezone": "Mars/Olympus"})
    assert "Choose a time zone" in answer.text
