"""Is the reason mended for which a launch stands still? And the doubt that reopens the checks."""

from datetime import datetime

from sqlalchemy.orm import Session

from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.core.settings import Settings
from tpma.identity.service import record
from tpma.launches.models import Launch
from tpma.sending.domains import senders, words
from tpma.sending.domains.checks import Verdict
from tpma.sending.domains.models import DomainState, SendingDomain

DOUBTED = "doubted"  # `problem`: mailbox providers refused mails as not from this domain
_DOUBTFUL = ("dkim", "return_path", "spf", "dmarc")
_BAD = (Verdict.MISSING.value, Verdict.WRONG.value)


def reopen(session: Session, row: SendingDomain, now: datetime) -> None:
    """RT-06: what was found of a domain counts no more. Its records are looked at again within a
    minute, and a test mail has to show the signature anew where one can be read back."""
    row.problem = DOUBTED
    row.checks = {
        purpose: {**kept, "verdict": Verdict.UNKNOWN.value} if purpose in _DOUBTFUL else kept
        for purpose, kept in (row.checks or {}).items()
    }
    row.probed_at, row.probe_sent_at, row.probe_aligned = None, None, False
    row.check_at = now
    record(session, None, row.tenant_id, "sending_domain.doubted", row)


def refuse_unmended(session: Session, settings: Settings, launch: Launch) -> None:
    """Raises Conflict, naming the record and the cure, while the domain the launch leaves by
    would be stopped again: resuming it would send a few mails and pause anew."""
    row = senders.behind(session, settings, launch)
    if row is None:
        return
    if row.state is DomainState.SUSPENDED:
        raise Conflict(
            _("%(domain)s was stopped by those who run this platform. Ask them.", domain=row.domain)
        )
    broken = [one for one in words.checks_of(row) if one.verdict in _BAD]
    if broken:
        raise Conflict(
            _(
                "%(domain)s still lacks: %(records)s. Enter it as the domain’s page shows it, "
                "press Check now there, then resume.",
                domain=row.domain,
                records=", ".join(f"{one.title} {one.name}".strip() for one in broken),
            )
        )
    if row.state is DomainState.DEGRADED or row.problem == DOUBTED:
        raise Conflict(
            _(
                "%(domain)s is looked at again, because it was not what it was. Press Check now on "
                "its page; once its records stand, resume.",
                domain=row.domain,
            )
        )
    if settings.proves_domains and row.probed_at is None and row.probe_sent_at is not None:
        raise Conflict(
            _(
                "A test mail of %(domain)s is on its way and has to show its signature first. Try "
                "again in a few minutes.",
                domain=row.domain,
            )
        )
