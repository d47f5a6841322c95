"""The page of a launch follows the launch."""

from uuid import UUID

from tpma import jobs
from tpma.core.errors import Conflict
from tpma.core.log import logger
from tpma.launches.models import Launch
from tpma.pages import service
from tpma.system import System

_log = logger("pages")


@jobs.handles("pages.publish")
def publish(system: System, launch_id: str) -> None:
    """A launch that was stopped before its page came up has none."""
    try:
        with system.db.transaction() as session:
            launch = session.get_one(Launch, UUID(launch_id), with_for_update=True)
            service.publish(session, launch, launch.page_slug or launch.campaign_code.lower())
    except Conflict:
        _log.info("page not published", launch=launch_id)


@jobs.handles("pages.close")
def close(system: System, launch_id: str) -> None:
    with system.db.transaction() as session:
        service.close(session, session.get_one(Launch, UUID(launch_id), with_for_update=True))
