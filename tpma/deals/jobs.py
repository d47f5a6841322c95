"""What time does to registrations. Both handlers look at every one that is due."""

from typing import Any

from tpma import jobs
from tpma.deals import reminders, service
from tpma.system import System


@jobs.handles("deals.expire")
def expire(system: System, **_payload: Any) -> None:
    with system.db.transaction() as session:
        service.expire_due(session)


@jobs.handles("deals.lapse")
def lapse(system: System, **_payload: Any) -> None:
    with system.db.transaction() as session:
        service.lapse_due(session)


@jobs.sweeps("deals.remind")
def remind(system: System) -> int:
    with system.db.transaction() as session:
        return reminders.remind(session, system.settings.base_url)
