"""A launch's page goes live and closes."""

from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.identity.service import record
from tpma.launches.models import Launch, LaunchState
from tpma.pages import queries
from tpma.pages.models import LandingPage, PageState

_UNDER_WAY = {LaunchState.RUNNING, LaunchState.PAUSED, LaunchState.COLLECTING}


def publish(session: Session, launch: Launch, slug: str) -> LandingPage:
    """The launch has started: its page is there for everybody. Twice is once.

    Raises Conflict if the launch is not under way (it may have been stopped meanwhile), or if its
    page was closed.
    """
    page = queries.of_launch(session, launch.tenant_id, launch.id)
    if page is not None and page.state is PageState.LIVE:
        return page
    if launch.state not in _UNDER_WAY or (page is not None and page.state is not PageState.DRAFT):
        raise Conflict(_("The page of a launch that is over stays closed."))
    if page is None:
        page = LandingPage(tenant_id=launch.tenant_id, launch_id=launch.id, slug=slug)
        session.add(page)
    page.state = PageState.LIVE
    page.published_at = clock_of(session)()
    record(session, None, launch.tenant_id, "page.published", page, code=launch.campaign_code)
    return page


def close(session: Session, launch: Launch, state: PageState = PageState.CLOSED) -> None:
    """Visitors are told that it is over; BLOCKED when the vendor stopped the kit. Twice is once."""
    page = queries.of_launch(session, launch.tenant_id, launch.id)
    if page is None or page.state not in (PageState.DRAFT, PageState.LIVE):
        return
    page.state = state
    page.closed_at = clock_of(session)()
    record(session, None, launch.tenant_id, f"page.{state.value}", page, code=launch.campaign_code)
