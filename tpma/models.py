"""Every table, in one import: for migrations and for tests that build a database."""

from tpma import jobs
from tpma.audiences import models as audiences
from tpma.branding import models as branding
from tpma.deals import models as deals
from tpma.identity import models as identity
from tpma.kits import models as kits
from tpma.launches import models as launches
from tpma.leads import models as leads
from tpma.pages import models as pages
from tpma.partners import models as partners
from tpma.sending import deeds
from tpma.sending import models as sending
from tpma.sending.domains import models as sending_domains
from tpma.sending.events import models as sending_events
from tpma.sending.rehearsing import models as rehearsals
from tpma.tracking import models as tracking

__all__ = [
    "audiences",
    "branding",
    "deals",
    "deeds",
    "identity",
    "jobs",
    "kits",
    "launches",
    "leads",
    "pages",
    "partners",
    "rehearsals",
    "sending",
    "sending_domains",
    "sending_events",
    "tracking",
]
