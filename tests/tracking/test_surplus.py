"""Clicks that bring nobody to the page: the alarm behind the verdicts."""

import pytest

from tests import factories
from tests.factories import tracking
from tests.factories.base import bind
from tpma.launches.models import Launch, LaunchState, Link
from tpma.measurement.telemetry import exposition
from tpma.tracking import counting, surplus
from tpma.tracking.models import EventType, TrackingEvent, Verdict


@pytest.fixture
def launch(session):
    """Under way, with a link to its page and one to elsewhere."""
    message = tracking.message()
    made = session.get_one(Launch, message.launch_id)
    made.state = LaunchState.RUNNING
    for number, (key, target) in enumerate(
        (("t.page", "page"), ("t.out", "https://brightline.com/"))
    ):
        session.add(
            Link(tenant_id=made.tenant_id, launch_id=made.id, number=50 + number, key=key,
                 target=target)
        )  # fmt: skip
    session.flush()
    return made


def happened(session, launch, kind, number, key="t.page", verdict=Verdict.HUMAN):
    session.add_all(
        TrackingEvent(
            tenant_id=launch.tenant_id,
            launch_id=launch.id,
            campaign_code=launch.campaign_code,
            type=kind,
            occurred_at=launch.created_at,
            verdict=verdict,
            link_key=key if kind is EventType.CLICK else "",
        )
        for _hit in range(number)
    )
    session.flush()
    counting.rebuild(session, [launch.id])


@pytest.mark.parametrize(("visits", "alarms"), [(10, False), (9, True), (0, True)])
def test_more_than_three_clicks_for_each_visit_are_an_alarm(session, launch, visits, alarms):
    happened(session, launch, EventType.CLICK, 30)
    happened(session, launch, EventType.PAGE_VIEW, visits)
    assert bool(surplus.alarming(session)) is alarms


def test_clicks_that_lead_elsewhere_ask_for_no_visit(session, launch):
    happened(session, launch, EventType.CLICK, 50, key="t.out")
    assert surplus.surpluses(session) == []


def test_known_machines_are_no_surplus(session, launch):
    happened(session, launch, EventType.CLICK, 50, verdict=Verdict.SCANNER)
    assert surplus.surpluses(session) == []


def test_a_few_clicks_say_nothing(session, launch):
    happened(session, launch, EventType.CLICK, surplus.LEAST - 1)
    assert surplus.surpluses(session) == []


def test_a_launch_that_is_over_is_no_alarm(session, launch):
    happened(session, launch, EventType.CLICK, 50)
    launch.state = LaunchState.ENDED
    session.flush()
    assert surplus.surpluses(session) == []


def test_the_figure_is_scraped_and_the_delivery_page_names_the_launch(
    client, system, session, launch, db
):
    happened(session, launch, EventType.CLICK, 40)
    happened(session, launch, EventType.PAGE_VIEW, 10)
    code, launch_id = launch.campaign_code, launch.id
    session.commit()
    assert f'tpma_clicks_per_visit{{launch="{launch_id}"}} 4.0' in exposition(system).decode()
    with db.transaction() as own:
        bind(own)
        factories.signed_in(client, factories.operator())
    page = client.get("/admin/delivery/clicks").text
    assert code in page
    assert "More than 3 clicks" in page
