"""What every door needs: the database and a way out to each outside service."""

from dataclasses import dataclass

from tpma.core.clock import Clock
from tpma.core.db import Database
from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.ports.dns import DnsReader
from tpma.ports.events import EventSource, PushedEvents
from tpma.ports.identities import IdentityProvisioner
from tpma.ports.mail import MailTransport
from tpma.ports.pdf import PdfRenderer
from tpma.ports.rehearsal import Theatre
from tpma.ports.seeds import SeedMailbox


@dataclass(frozen=True)
class System:
    db: Database
    mail: MailTransport
    pdf: PdfRenderer
    signer: Signer
    settings: Settings
    clock: Clock
    events: EventSource | None = None  # a queue the worker listens to
    letters: EventSource | None = None  # mails to us, where events come by a queue
    push: PushedEvents | None = None  # what may post events to us
    theatre: Theatre | None = None  # where launches are rehearsed
    dns: DnsReader | None = None
    provisioner: IdentityProvisioner | None = None  # None: no domain has to be set up anywhere
    seed: SeedMailbox | None = None  # where test mails of a domain are read
