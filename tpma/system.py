"""What every door needs: the database and a way out to each outside service."""

from dataclasses import dataclass

from tpma.core.clock import Clock
from tpma.core.db import Database
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.ports.events import EventSource, PushedEvents
from tpma.ports.mail import MailTransport
from tpma.ports.pdf import PdfRenderer
from tpma.ports.rehearsal import Theatre


@dataclass(frozen=True)
class System:
    db: Database
    mail: MailTransport
    pdf: PdfRenderer
    signer: Signer
    settings: Settings
    clock: Clock
    events: EventSource | None = None  # a queue the worker listens to
    push: PushedEvents | None = None  # what may post events to us
    theatre: Theatre | None = None  # where launches are rehearsed
