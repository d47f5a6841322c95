"""`tpma doctor`: is this installation well, and does the ledger agree with itself?"""

from collections.abc import Iterator

import click
from sqlalchemy import func, select

from tpma.core import durability, schema
from tpma.core.errors import Conflict, TpmaError
from tpma.ports.mail import Reachable
from tpma.sending import invariants
from tpma.sending.events import health
from tpma.sending.models import Message, OutboxMail, SendState
from tpma.system import System
from tpma.tracking import counting, networks
from tpma.wiring import from_settings, report_mailboxes

Finding = tuple[bool, str]  # well or not, one line


@click.group(invoke_without_command=True)
@click.pass_context
def doctor(context: click.Context) -> None:
    """Check the database, the fonts, mail servers, the outbox and the message ledger."""
    if context.invoked_subcommand is not None:
        return
    system = from_settings()
    findings = list(database(system))
    if all(well for well, _line in findings):  # else there may be no table to look into
        probes = (fonts, servers, ledger, feeds, machines)
        findings += [found for probe in probes for found in probe(system)]
    _tell(findings)


@doctor.command()
def delivery() -> None:
    """Check the message ledger alone: does every row agree with the others?"""
    system = from_settings()
    findings = list(database(system))
    if all(well for well, _line in findings):
        findings += ledger(system)
    _tell(findings)


def _tell(findings: list[Finding]) -> None:
    for well, line in findings:
        click.echo(f"{'ok  ' if well else 'FAIL'} {line}")
    if not all(well for well, _line in findings):
        raise Conflict("Something is not right; the lines above name it.")


def database(system: System) -> Iterator[Finding]:
    have, need = schema.current(system.settings.url_of_database), schema.head()
    yield have == need, f"database at revision {have}, needed {need}"
    yield from durability.findings(system.db)


def fonts(system: System) -> Iterator[Finding]:
    sample = "<html lang='en'><body><p>Grüße · こんにちは · مرحبا</p></body></html>"
    try:
        system.pdf.pdf(sample, assets={})
    except TpmaError as error:
        yield False, f"fonts: {error.message}"
        return
    yield True, "fonts for Latin, Japanese and Arabic PDFs"


def servers(system: System) -> Iterator[Finding]:
    """The SMTP server, and where bounces come back to by mail."""
    others = [system.mail, *report_mailboxes(system.settings)]
    for other in others:
        if isinstance(other, Reachable):
            yield _reached(other)


def _reached(other: Reachable) -> Finding:
    try:
        return True, other.reach()
    except TpmaError as error:
        return False, error.message


def ledger(system: System) -> Iterator[Finding]:
    """Invariants of docs/delivery.md: what the rows say must be possible."""
    with system.db.reading() as session:
        yield from invariants.findings(session)
        doubtful = session.scalar(
            select(func.count()).where(Message.send_state == SendState.IN_DOUBT)
        )
        stored = session.scalars(select(OutboxMail.provider_id)).all()
        yield from counting.findings(session)
    yield True, f"messages in doubt: {doubtful}"
    if not system.mail.capabilities.leaves_machine:
        lost = sum(system.mail.stored(name) is None for name in stored)
        yield not lost, f"mails of the mailbox whose file is gone: {lost}"


def machines(_system: System) -> Iterator[Finding]:
    found = networks.current()
    yield True, f"networks of machines: {len(found)}, as of {found.as_of}"


def feeds(system: System) -> Iterator[Finding]:
    """Where mail leaves this machine: is what comes back heard?"""
    if system.mail.capabilities.leaves_machine:
        with system.db.reading() as session:
            yield from health.findings(session, system)
