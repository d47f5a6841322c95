"""What time does to kits."""

from tpma import jobs
from tpma.kits import reminders
from tpma.system import System


@jobs.sweeps("kits.remind")
def remind(system: System) -> int:
    with system.db.transaction() as session:
        return reminders.remind(session, system.settings.base_url)
