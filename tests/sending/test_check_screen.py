"""The check screen over HTTP: warnings ticked, the proof asked for, nothing red let through."""

import re

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tpma.launches.models import Launch, LaunchState
from tpma.sending.models import GateMark, GateSetting, MarkKind


@pytest.fixture
def draft(session):
    made = make.launch(contacts=2)
    session.commit()
    return made


@pytest.fixture
def marketer(client, db, draft):
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, draft.id)
        member = factories.membership(launch.enrolment.partner, "PM")
        return factories.signed_in(client, member, launch.enrolment)


def url(draft, deed):
    return f"/portal/launches/{draft.id}/{deed}"


def change(db, draft, **values):
    with db.transaction() as session:
        launch = session.get_one(Launch, draft.id)
        for name, value in values.items():
            setattr(launch, name, value)


def marks(db):
    with db.reading() as session:
        return sorted(session.scalars(select(GateMark.kind)))


def state(db, draft):
    with db.reading() as session:
        return session.get_one(Launch, draft.id).state


def test_the_page_asks_for_the_proof_by_itself_and_once(marketer, db, draft):
    page = marketer.get(url(draft, "check")).text
    assert 'hx-trigger="load"' in page
    assert "can go" in page
    for _again in range(2):
        answer = marketer.post(url(draft, "proof"), headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert 'id="proof"' in answer.text
    assert marks(db) == [MarkKind.PROOF]
    assert 'hx-trigger="load"' not in marketer.get(url(draft, "check")).text


def test_who_launches_without_it_gets_the_proof_with_the_launch(marketer, db, draft):
    assert marketer.post(url(draft, "launch")).status_code == 303
    assert state(db, draft) is LaunchState.SCHEDULED
    assert marks(db) == [MarkKind.PROOF]


def test_a_warning_has_a_box_and_wants_it_ticked(marketer, db, draft):
    change(db, draft, reply_to="no-reply@brightline.example")
    page = marketer.get(url(draft, "check")).text
    [box] = re.findall(r"<input[^>]*name=\"word\"[^>]*>", page)
    assert "required" in box
    assert 'value="AUTH-07"' in box
    assert marketer.post(url(draft, "launch")).status_code == 409
    assert (state(db, draft), marks(db)) == (LaunchState.DRAFT, [])
    assert marketer.post(url(draft, "launch"), data={"word": "AUTH-07"}).status_code == 303
    assert marks(db) == [MarkKind.ACKNOWLEDGED, MarkKind.PROOF]


@pytest.mark.parametrize("word", ["GOAL", "TEST-01", "nonsense"])
def test_nobody_ticks_a_red_away(marketer, db, draft, word):
    change(db, draft, goal_leads=0)
    page = marketer.get(url(draft, "check")).text
    assert "disabled" in page
    assert marketer.post(url(draft, "launch"), data={"word": word}).status_code == 409
    assert state(db, draft) is LaunchState.DRAFT


def test_a_company_may_ask_for_a_second_pair_of_eyes(client, marketer, db, draft):
    assert marketer.post("/portal/launches/four-eyes", data={"needed": "1"}).status_code == 404
    with db.transaction() as session:
        factories.bind(session)
        launch = session.get_one(Launch, draft.id)
        boss = factories.membership(launch.enrolment.partner, "PA")
        admin = factories.signed_in(client.application.test_client(), boss, launch.enrolment)
    assert admin.post("/portal/launches/four-eyes", data={"needed": "1"}).status_code == 303
    with db.reading() as session:
        assert session.scalars(select(GateSetting.four_eyes)).one()
    marketer.post(url(draft, "proof"))
    assert marketer.post(url(draft, "launch")).status_code == 409
    assert marketer.post(url(draft, "approve")).status_code == 409
    assert admin.post(url(draft, "approve")).status_code == 303
    assert marketer.post(url(draft, "launch")).status_code == 303


def test_what_countries_ask_is_told_with_its_caution(marketer):
    page = marketer.get("/countries/").text
    assert "Not legal advice" in page
    for country in ("Germany", "Canada", "Japan", "Brazil"):
        assert country in page


def test_the_page_of_a_launch_under_way_asks_for_people_and_machines(marketer, db, draft):
    change(db, draft, state=LaunchState.RUNNING, started_at=draft.created_at)
    page = marketer.get(f"/portal/launches/{draft.id}").text
    assert f"/portal/reports/{draft.campaign_code}/machines" in page
