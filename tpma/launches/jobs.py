"""What happens to a launch at its hour."""

from uuid import UUID

from tpma import jobs
from tpma.launches import service
from tpma.launches.models import Launch
from tpma.system import System


@jobs.handles("launches.start")
def start(system: System, launch_id: str, start: str = "") -> None:
    """A launch that was moved meanwhile has another job for its new hour."""
    with system.db.transaction() as session:
        launch = session.get_one(Launch, UUID(launch_id), with_for_update=True)
        service.start(session, launch)


@jobs.handles("launches.end")
def end(system: System, launch_id: str) -> None:
    with system.db.transaction() as session:
        service.end(session, session.get_one(Launch, UUID(launch_id), with_for_update=True))


@jobs.sweeps("launches.end_with_kits")
def end_with_kits(system: System) -> int:
    with system.db.transaction() as session:
        return service.end_with_kits(session)
