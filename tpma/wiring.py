"""The composition root: the only place that reads settings and names adapters."""

from collections.abc import Callable

from tpma.adapters.mail_outbox import OutboxMail
from tpma.adapters.mail_ses import SesMail
from tpma.adapters.pdf_weasyprint import WeasyPrintPdf
from tpma.core import log, schema
from tpma.core.clock import Clock, utc_now
from tpma.core.db import Database
from tpma.core.settings import Settings, load, secret_of
from tpma.core.signing import Signer
from tpma.ports.mail import MailTransport
from tpma.system import System

_MAIL: dict[str, Callable[[Settings], MailTransport]] = {
    "outbox": lambda settings: OutboxMail(settings.outbox_folder),
    "ses": lambda settings: SesMail.of(settings.ses_region, settings.ses_configuration_set),
}


def from_settings(settings: Settings | None = None, clock: Clock = utc_now) -> System:
    """The system this process runs, as its TPMA_* variables say."""
    chosen = settings or load()
    chosen.home.mkdir(parents=True, exist_ok=True)
    return System(
        db=Database(chosen.url_of_database, clock),
        mail=_MAIL[chosen.mail](chosen),
        pdf=WeasyPrintPdf(),
        signer=Signer(secret_of(chosen)),
        settings=chosen,
        clock=clock,
    )


def started() -> System:
    """As `from_settings`, for a process that goes to work: it logs in the style that was set.

    Raises Conflict, with the cure, if the database is not at this version's revision.
    """
    system = from_settings()
    log.configure(system.settings.log_format)
    schema.require(system.settings.url_of_database)
    return system
