"""What is typed in the wizard is saved by itself and seen in the preview."""

import pytest
from sqlalchemy import select

from tests.journeys import stage
from tests.journeys.test_lead_to_deal import sign_in
from tpma.branding.models import Customisation
from tpma.cli import demo_cast as cast

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture
def played(stages, tmp_path):
    return stages.copy(stage.helio_with_kits, tmp_path)


def test_a_typed_headline_is_saved_and_shown_without_a_click(hand, live):
    page = hand.page
    sign_in(page, live, cast.CAST[0].email)
    page.goto(f"{live.url}/portal/kits/secure-edge")
    page.locator("form[action$='/new/secure-edge'] button").first.click()
    page.wait_for_url("**/audience")
    page.goto(page.url.replace("/audience", "/message"))

    page.locator("[name='slot.email1.headline']").fill("Your Ohio offices, checked in ten days")

    preview = page.frame_locator("#desk")
    preview.get_by_text("Your Ohio offices, checked in ten days").wait_for()
    with live.system.db.reading() as session:
        saved = session.scalars(select(Customisation.value)).all()
    assert saved == ["Your Ohio offices, checked in ten days"]


def test_a_text_too_long_says_so_beside_its_field(hand, live):
    page = hand.page
    sign_in(page, live, cast.CAST[0].email)
    page.goto(f"{live.url}/portal/kits/secure-edge")
    page.locator("form[action$='/new/secure-edge'] button").first.click()
    page.wait_for_url("**/audience")
    page.goto(page.url.replace("/audience", "/message"))

    page.locator("[name='slot.email1.headline']").fill("x" * 200)

    page.locator("[aria-invalid=true]").wait_for()
    assert page.locator(".err").first.inner_text()
    assert page.locator("[name='slot.email1.headline']").input_value() == "x" * 200
