"""axe finds nothing against WCAG 2.2 AA on any page a person meets, wide, narrow and mirrored."""

import pytest
from sqlalchemy import select

from tests import factories
from tests.factories import launches as make
from tests.journeys import stage
from tests.journeys.conftest import accessibility_faults
from tests.journeys.test_lead_to_deal import sign_in
from tpma.cli import demo_cast as cast
from tpma.cli import demo_story as story
from tpma.deals.models import DealRegistration
from tpma.launches.models import Launch
from tpma.leads.models import Lead

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def whole_story(system):
    """Names of what is there: the whole story, and one more draft for the wizard to show."""
    outcome = story.play(system, stage.silent)
    with system.db.transaction() as session:
        who = cast.actor(session, cast.STAR.email)
        enrolment = story.partners.own(session, who.organisation_id, who.enrolment_id)
        today = system.clock().date()
        _kit, version = story.kits.get_for_partner(session, enrolment, "backup-resilience", today)
        draft = story.launches.create(session, who, enrolment, version)
        factories.bind(session)
        for name in ("Käthe", "Omar"):  # German law wants more of who only signed up
            make.contact(enrolment.partner, country="DE", given_name=name)
        launch = session.scalars(
            select(Launch).where(Launch.campaign_code == outcome.launch_code)
        ).one()
        return {
            "code": outcome.launch_code,
            "draft": draft.id,
            "launch": launch.id,
            "slug": launch.page_slug,
            "lead": session.scalars(select(Lead.id)).first(),
            "deal": session.scalars(select(DealRegistration.id)).one(),
        }


@pytest.fixture
def played(stages, tmp_path):
    return stages.copy(whole_story, tmp_path)


PARTNER = (
    "/portal/",
    "/portal/kits/",
    "/portal/kits/secure-edge",
    "/portal/launches/",
    "/portal/launches/{launch}",
    "/portal/launches/{draft}/audience",
    "/portal/launches/{draft}/message",
    "/portal/launches/{draft}/goal",
    "/portal/launches/{draft}/time",
    "/portal/launches/{draft}/check",
    "/portal/launches/{draft}/left-out",
    "/portal/audiences/",
    "/portal/audiences/import",
    "/portal/leads/{lead}",
    "/portal/deals/",
    "/portal/deals/{deal}",
    "/portal/reports/",
    "/portal/reports/{code}",
    "/portal/mailbox/",
    "/portal/brand/",
    "/portal/sending-domains/",
    "/team/",
    "/account",
)
VENDOR = (
    "/studio/",
    "/studio/kits/",
    "/studio/kits/secure-edge",
    "/studio/launches/",
    "/studio/launches/{launch}",
    "/studio/partners/",
    "/studio/reports/",
    "/studio/reports/{code}",
)
DESK = ("/studio/deals/",)
OPERATOR = (
    "/admin/",
    "/admin/organisations",
    "/admin/jobs",
    "/admin/audit",
    "/admin/mailbox/",
    "/admin/delivery/",
    "/admin/sending-domains/",
)
# What was asked for has come, and what moves has come to a stand.
AT_REST = """() => new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(() =>
  painted(document.readyState === 'complete' && !document.querySelector('.htmx-request') &&
          document.getAnimations().every(one => one.playState !== 'running')))))"""
PUBLIC = ("/l/{slug}", "/l/{slug}/de-DE", "/sign-in", "/recover")


def told(found):
    """Every fault on a line of its own."""
    return "\n".join(f"{where}: {fault}" for where, faults in found.items() for fault in faults)


def look(page, live, paths, names, widths, lang=""):
    """Faults of each page at each width: axe's, and a page that scrolls sideways.

    Loaded once: no script of ours asks how wide the window is, only the styles do. The window is
    as high as the page: a bar at its end covers nothing then, and nothing goes unseen under it.
    """
    found = {}
    for path in paths:
        address = live.url + path.format(**names)
        answer = page.goto(address + (f"?lang={lang}" if lang else ""))
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            whole = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": max(whole, 900)})
            page.wait_for_function(AT_REST)
            faults = accessibility_faults(page)
            if answer.status != 200:
                faults.append(f"answered {answer.status}")
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append("scrolls sideways")
            if faults:
                found[f"{path} at {width}"] = faults
    return found


def test_every_page_passes_wide_and_narrow(hand, live, played):
    page, found = hand.page, {}
    for email, paths in (
        (None, PUBLIC),
        (cast.STAR.email, PARTNER),
        (cast.HELIO[0][0], VENDOR),
        (cast.HELIO[1][0], DESK),
        (cast.OPERATOR[0], OPERATOR),
    ):
        page.context.clear_cookies()
        if email:
            sign_in(page, live, email)
        found |= look(page, live, paths, played, (1440, 390))
    assert not found, told(found)


def test_pages_mirror_in_a_right_to_left_language(hand, live, played):
    page = hand.page
    sign_in(page, live, cast.STAR.email)
    some = [path for path in PARTNER if path not in ("/portal/launches/{draft}/message",)][:12]

    found = look(page, live, some, played, (390,), lang="ar-XB")

    assert page.get_attribute("html", "dir") == "rtl"
    assert not found, told(found)
