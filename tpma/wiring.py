"""The composition root: the only place that reads settings and names adapters.

Those that bring a large library along are imported where the settings ask for them: Amazon's client
takes 10 MB before it is used, cryptography 8, WeasyPrint 30.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import tpma.models  # noqa: F401  a command that writes one table must know those it names
from tpma.adapters.dns_live import LiveDns
from tpma.adapters.events_reports import ReportEvents
from tpma.adapters.mail_outbox import OutboxMail
from tpma.adapters.mail_smtp import Signing, SmtpMail
from tpma.adapters.report_mailboxes import (
    ImapReports,
    MaildirReports,
    ReportMailbox,
    Seed,
)
from tpma.adapters.verp import Verp
from tpma.core import durability, log, schema, servers
from tpma.core.clock import Clock, utc_now
from tpma.core.db import Database
from tpma.core.errors import Invalid
from tpma.core.settings import Settings, load, secret_of
from tpma.core.signing import Signer
from tpma.ports.events import EventSource
from tpma.ports.identities import IdentityProvisioner
from tpma.ports.mail import UNSUBSCRIBE, MailTransport
from tpma.ports.pdf import PdfRenderer
from tpma.system import System
from tpma.tracking import networks

if TYPE_CHECKING:
    from tpma.adapters.events_sns import SnsEvents
    from tpma.adapters.events_sqs import SqsEvents
    from tpma.adapters.identities_smtp import DkimKey
    from tpma.adapters.ses_simulated import Simulator


def verp_of(settings: Settings) -> Verp:
    """The return paths of this installation."""
    return Verp(Signer(secret_of(settings)), settings.domain_of_bounces)


def _smtp(settings: Settings) -> MailTransport:
    server, signing = servers.smtp_server(settings.smtp_url), _signing(settings)
    try:
        return SmtpMail(server, verp_of(settings), helo=settings.mail_domain, sign=signing)
    except OSError as error:  # of the certificates
        raise Invalid(f"TPMA_SMTP_URL: {server.ca_file}: {error.strerror}") from error


def _signing(settings: Settings) -> Signing | None:
    if settings.dkim_key_file is None:
        return None
    try:
        from tpma.adapters.dkim_signing import DkimSigner  # dkimpy comes with the extra "dkim"

        key = settings.dkim_key_file.read_bytes()
    except (ImportError, OSError) as error:
        raise Invalid(f"TPMA_DKIM_KEY_FILE: {error} (pip install 'tpma[dkim]')") from error
    return DkimSigner(settings.mail_domain, settings.dkim_selector, key)


def report_mailboxes(settings: Settings) -> list[ReportMailbox]:
    """Where bounces and complaints come back to by mail."""
    found: list[ReportMailbox] = []
    if settings.dsn_maildir is not None:
        found.append(MaildirReports(settings.dsn_maildir))
    if settings.dsn_imap_url:
        found.append(ImapReports(servers.imap_server(settings.dsn_imap_url)))
    return found


def provisioner_of(settings: Settings) -> IdentityProvisioner | None:
    """Who sets up sending domains; nobody where mail stays on this machine."""
    if settings.mail == "ses":
        from tpma.adapters.identities_ses import SesIdentities

        topic = next(iter(sorted(settings.topics_of_events)), "")
        base = settings.ses_configuration_set
        return SesIdentities.of(
            settings.ses_region, topic=topic, base_set=base, shared=settings.mail_domain
        )
    if settings.mail == "smtp":
        from tpma.adapters.identities_smtp import SmtpIdentities

        bounces = settings.domain_of_bounces
        include = settings.spf_include or bounces
        return SmtpIdentities(bounce_domain=bounces, spf_include=include, key=_public_key(settings))
    return None


def _public_key(settings: Settings) -> "DkimKey | None":
    if settings.dkim_key_file is None:
        return None
    from tpma.adapters.identities_smtp import DkimKey

    try:
        return DkimKey.of(settings.dkim_selector, settings.dkim_key_file.read_bytes())
    except OSError as error:
        raise Invalid(f"TPMA_DKIM_KEY_FILE: {error}") from error


def seed_of(settings: Settings) -> Seed | None:
    """Where test mails of sending domains are read."""
    if not settings.proves_domains:
        return None
    if settings.seed_maildir is not None:
        return Seed(settings.seed_address, MaildirReports(settings.seed_maildir))
    server = servers.imap_server(settings.seed_imap_url)
    return Seed(settings.seed_address, ImapReports(server))


def _ses(settings: Settings) -> MailTransport:
    from tpma.adapters.mail_ses import SesMail

    return SesMail.of(settings.ses_region, settings.ses_configuration_set, bulk=settings.ses_bulk)


_MAIL: dict[str, Callable[[Settings], MailTransport]] = {
    "outbox": lambda settings: OutboxMail(settings.outbox_folder),
    "ses": _ses,
    "smtp": _smtp,
}


class PdfWhenAsked:
    """WeasyPrint, from the first document on."""

    def pdf(self, html: str, *, assets: Mapping[str, tuple[bytes, str]]) -> bytes:
        return self._renderer.pdf(html, assets=assets)

    @cached_property
    def _renderer(self) -> PdfRenderer:
        from tpma.adapters.pdf_weasyprint import WeasyPrintPdf

        return WeasyPrintPdf()


class TheatreWhenAsked:
    """The simulated provider, from the first rehearsal on."""

    def open(
        self, home: Path, sender_domains: Sequence[str], seed: int
    ) -> "AbstractContextManager[Simulator]":
        from tpma.adapters.ses_simulated import SimulatedSes

        return SimulatedSes().open(home, sender_domains, seed)


def transport_of(settings: Settings) -> MailTransport:
    """The way out for mail that TPMA_MAIL names."""
    return _MAIL[settings.mail](settings)


def from_settings(settings: Settings | None = None, clock: Clock = utc_now) -> System:
    """The system this process runs, as its TPMA_* variables say."""
    chosen = settings or load()
    chosen.home.mkdir(parents=True, exist_ok=True)
    networks.use(chosen.bot_networks)
    return System(
        db=Database(chosen.url_of_database, clock),
        mail=transport_of(chosen),
        pdf=PdfWhenAsked(),
        signer=Signer(secret_of(chosen)),
        settings=chosen,
        clock=clock,
        events=_events(chosen, clock),
        letters=_letters(chosen),
        push=_push(chosen),
        theatre=TheatreWhenAsked(),
        dns=LiveDns(),
        provisioner=provisioner_of(chosen),
        seed=seed_of(chosen),
    )


def _events(settings: Settings, clock: Clock) -> EventSource | None:
    """What workers listen to: mailboxes for mail by SMTP, a queue for mail by SES."""
    if settings.mail == "smtp":
        return _reports(settings)
    return _queue(settings, clock)


def _letters(settings: Settings) -> EventSource | None:
    """Beside a queue of events: readers' mails to unsubscribe@…, where a mailbox is named."""
    return _reports(settings) if settings.mail == "ses" else None


def _reports(settings: Settings) -> ReportEvents | None:
    mailboxes = report_mailboxes(settings)
    if not mailboxes:
        return None
    address = f"{UNSUBSCRIBE}@{settings.mail_domain}"
    return ReportEvents(mailboxes, verp_of(settings), unsubscribe=address)


def _queue(settings: Settings, clock: Clock) -> "SqsEvents | None":
    if not settings.sqs_queue_url:
        return None
    from tpma.adapters.events_sqs import SqsEvents

    visibility = settings.sqs_visibility_seconds
    return SqsEvents.of(settings.ses_region, settings.sqs_queue_url, visibility, clock)


def _push(settings: Settings) -> "SnsEvents | None":
    topics = settings.topics_of_events
    if not topics:
        return None
    from tpma.adapters.events_sns import SnsEvents

    return SnsEvents.of(topics, settings.sns_old_signatures)


def started() -> System:
    """As `from_settings`, for a process that goes to work: it logs in the style that was set.

    Raises Conflict, with the cure, if the database is not at this version's revision.
    """
    system = from_settings()
    log.configure(system.settings.log_format)
    schema.require(system.settings.url_of_database)
    durability.require(system.db)
    return system
