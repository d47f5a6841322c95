"""The composition root: the only place that reads settings and names adapters."""

from collections.abc import Callable

from tpma.adapters.events_sns import SnsEvents
from tpma.adapters.events_sqs import SqsEvents
from tpma.adapters.mail_outbox import OutboxMail
from tpma.adapters.mail_ses import SesMail
from tpma.adapters.pdf_weasyprint import WeasyPrintPdf
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
        events=_queue(chosen, clock),
        push=_push(chosen),
    )


def _queue(settings: Settings, clock: Clock) -> SqsEvents | None:
    if not settings.sqs_queue_url:
        return None
    visibility = settings.sqs_visibility_seconds
    return SqsEvents.of(settings.ses_region, settings.sqs_queue_url, visibility, clock)


def _push(settings: Settings) -> SnsEvents | None:
    topics = settings.topics_of_events
    return SnsEvents.of(topics, settings.sns_old_signatures) if topics else None
