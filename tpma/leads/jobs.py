"""What time does to leads."""

from tpma import jobs
from tpma.leads import deadlines
from tpma.system import System


@jobs.sweeps("leads.keep_deadlines")
def keep_deadlines(system: System) -> int:
    with system.db.transaction() as session:
        return deadlines.keep(session, system.settings.base_url)
