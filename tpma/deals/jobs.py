"""What time does to registrations, each time to all that are due; and files to be forgotten."""

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


@jobs.handles("deals.forget_files")
def forget_files(system: System, names: list[str]) -> None:
    """Mails of a person who was erased, as the local outbox keeps them."""
    for name in names:
        system.mail.forget(name)
