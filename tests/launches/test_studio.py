"""What a vendor may do to a partner's launch: hold it, and let it go on."""

import pytest

from tests import factories
from tests.factories import launches as build
from tpma.launches import service
from tpma.launches.models import Launch, LaunchState


@pytest.fixture
def running(session):
    made = build.running_launch()
    session.commit()
    return made


@pytest.fixture
def reviewer(client, db, running):
    with db.transaction() as session:
        factories.bind(session)
        vendor = session.get_one(Launch, running.id).enrolment.vendor
        return factories.signed_in(client, factories.membership(vendor, "BR"))


def act(client, launch, what):
    return client.post(f"/studio/launches/{launch.id}/{what}")


def state(db, launch):
    with db.reading() as session:
        return session.get_one(Launch, launch.id).state


def test_a_reviewer_holds_a_launch_and_lets_it_go_on(reviewer, db, running):
    assert act(reviewer, running, "pause").status_code == 303
    assert state(db, running) is LaunchState.PAUSED
    assert "Resume" in reviewer.get(f"/studio/launches/{running.id}").text
    assert act(reviewer, running, "resume").status_code == 303
    assert state(db, running) is LaunchState.RUNNING


def test_what_the_partner_paused_is_not_the_vendors_to_resume(reviewer, db, running):
    with db.transaction() as session:
        service.pause(session, None, session.get_one(Launch, running.id))
    assert act(reviewer, running, "resume").status_code == 409
    assert state(db, running) is LaunchState.PAUSED


def test_another_vendors_reviewer_finds_no_such_launch(client, db, running):
    with db.transaction() as session:
        factories.bind(session)
        stranger = factories.membership(factories.vendor().organisation, "BR")
        as_stranger = factories.signed_in(client, stranger)
    assert act(as_stranger, running, "resume").status_code == 404
