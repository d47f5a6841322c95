"""A visitor's form becomes a lead, the lead a registered deal, the deal a protected one."""

import pytest
from sqlalchemy import select

from tests.journeys import stage
from tpma.cli import demo_cast as cast
from tpma.cli import demo_story as story
from tpma.deals.models import DealRegistration, DealState
from tpma.leads.models import Lead, LeadState

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def visited(system):
    """Rheinwerk's campaign is out, and two people have asked for the offer."""
    stage.helio_with_kits(system)
    story.import_contacts(system, cast.STAR, stage.silent)
    launch_id = story.launch_campaign(system, story.Outcome(), stage.silent)
    story.readers.visit(system, launch_id, stage.silent)


@pytest.fixture
def played(stages, tmp_path):
    return stages.copy(visited, tmp_path)


def sign_in(page, live, email):
    page.goto(f"{live.url}/sign-in?lang=en")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", live.system.settings.demo_password)
    page.click("main button.btn-primary")
    page.wait_for_load_state()


def test_a_lead_is_a_registered_deal_after_4_clicks_and_3_fields(hand, live):
    page = hand.page
    sign_in(page, live, cast.STAR.email)
    page.goto(f"{live.url}/portal/leads/")

    hand.click("a[href*='/portal/leads/']:has-text('Schubert')")
    hand.press("Accept")
    hand.press("Register deal")
    hand.type("input[name=value]", "24000")
    hand.type("input[name=close]", "2027-06-30")
    hand.type("textarea[name=note]", "They called: six sites, budget confirmed.")
    hand.press("Submit registration")

    page.wait_for_url("**/portal/deals/*")
    with live.system.db.reading() as session:
        deal = session.scalars(select(DealRegistration)).one()
        lead = session.get_one(Lead, deal.lead_id)
    assert deal.state is DealState.SUBMITTED
    assert lead.state is LeadState.DEAL_REGISTERED
    assert deal.campaign_code == lead.campaign_code
    assert hand.clicks <= 4
    assert hand.fields <= 3


def test_the_deal_desk_approves_and_both_sides_see_it(hand, live):
    page = hand.page
    with live.system.db.transaction() as session:
        who = cast.actor(session, cast.STAR.email)
        lead = session.scalars(select(Lead).order_by(Lead.created_at)).first()
        story.leads.accept(session, who, lead)
        story._register(session, who, lead)
    sign_in(page, live, cast.HELIO[1][0])
    page.goto(f"{live.url}/studio/deals/")

    page.locator("a:has-text('Stadtklinik')").first.click()
    page.wait_for_load_state()
    page.get_by_role("button", name="Approve").first.click()
    dialog = page.locator("dialog[open]")
    if dialog.count():
        dialog.get_by_role("button", name="Approve").click()
    page.wait_for_load_state()

    with live.system.db.reading() as session:
        deal = session.scalars(select(DealRegistration)).one()
    assert deal.state is DealState.APPROVED
    assert deal.protected_until is not None
