"""The test mail (HDR-03): a real mail by a partner's domain to a mailbox of the platform's own.

What that mailbox's server wrote on top of it is what receivers see: was the signature good, was
it aligned with the From domain, did it cover the two headers of one-click unsubscribe?
"""

from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from tpma.core.errors import Unavailable
from tpma.core.log import logger
from tpma.identity.models import Organisation, OrganisationKind
from tpma.identity.service import record
from tpma.ports.mail import UNSUBSCRIBE, Envelope
from tpma.sending import notices
from tpma.sending.domains import dmarc, looking, queries
from tpma.sending.domains.arrived import HEADER, Arrived, read
from tpma.sending.domains.models import DomainState, SendingDomain
from tpma.system import System

_log = logger("sending")
WANTED = frozenset({"list-unsubscribe", "list-unsubscribe-post"})
_MOST_LETTERS = 50
_LOOKED_FOR = timedelta(days=3)


def send(system: System, domain_id: UUID) -> None:
    """One test mail; the job comes back where it could not be handed over."""
    if system.seed is None:
        return
    with system.db.reading() as session:
        row = session.get_one(SendingDomain, domain_id)
        if row.state not in (DomainState.VERIFIED, DomainState.ACTIVE) or not row.probe_sent_at:
            return
        cause = f"sending_domain.probe:{row.id}:{row.probe_sent_at.isoformat()}"
    notice_id = notices.keep(
        system, str(row.tenant_id), cause, system.seed.address, "Test mail", "", "en"
    )
    with system.db.transaction() as session:
        row = session.get_one(SendingDomain, domain_id, with_for_update=True)
        row.probe_id = notice_id  # before it leaves: it cannot arrive earlier
    with system.db.reading() as session:
        envelope = _envelope(session, system, row, notice_id)
    notices.hand_over(system, notice_id, envelope)


def _envelope(session: Session, system: System, row: SendingDomain, key: UUID) -> Envelope:
    """As a launch's mail leaves: same sender, same way, the same two headers to be signed."""
    assert system.seed is not None
    owner = session.get_one(Organisation, row.tenant_id)
    platforms = owner.kind is OrganisationKind.OPERATOR
    kept = None if platforms else queries.tenant_of(session, row.tenant_id, row.transport)
    address = f"campaigns@{row.domain}"
    settings = system.settings
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((owner.trading_name, address))
    message["To"] = system.seed.address
    message["Subject"] = "Test mail"
    message["Date"] = format_datetime(system.clock())
    message["Message-ID"] = f"<p{key.hex}@{row.domain}>"
    message["List-Unsubscribe"] = f"<mailto:{UNSUBSCRIBE}@{settings.mail_domain}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message[HEADER] = key.hex
    message.set_content("This mail shows how mail from this domain arrives.\n")
    return Envelope(
        attempt_id=key.hex,
        name=f"n{key.hex}",
        mail_from=address,
        rcpt_to=system.seed.address,
        raw=message.as_bytes(),
        tags={"tpma-attempt": key.hex, "tpma-env": settings.environment},
        tenant=kept.name if kept else "",
        configuration_set=kept.configuration_set if kept else "",
        bounce_domain=row.mail_from,
        dkim_domain=row.dkim_domain,
    )


def collect(system: System) -> int:
    """Sweep: read the mailbox while a test mail is under way; how many arrived."""
    if system.seed is None or not _is_awaited(system):
        return 0
    try:
        letters = list(system.seed.letters(_MOST_LETTERS))
    except Unavailable as error:
        _log.warning("the mailbox of test mails cannot be read", why=error.message)
        return 0
    found = [arrived for letter in letters if (arrived := read(letter.raw))]
    with system.db.transaction() as session:
        known = sum(_keep(session, system, one) for one in found)
    if letters:
        system.seed.put_aside([letter.key for letter in letters])
    return known


def _is_awaited(system: System) -> bool:
    since = system.clock() - _LOOKED_FOR
    with system.db.reading() as session:
        waits = session.scalar(
            select(SendingDomain.id)
            .where(SendingDomain.probe_id.is_not(None), SendingDomain.probe_sent_at > since)
            .where(
                or_(
                    SendingDomain.probed_at.is_(None),
                    SendingDomain.probed_at < SendingDomain.probe_sent_at,
                )
            )
            .limit(1)
        )
    return waits is not None


def _keep(session: Session, system: System, arrived: Arrived) -> bool:
    row = session.scalar(
        select(SendingDomain)
        .where(SendingDomain.probe_id == arrived.probe_id)
        .where(SendingDomain.state != DomainState.RETIRED)
        .with_for_update()
    )
    if row is None:
        return False
    _judge(row, arrived, system.clock())
    record(session, None, row.tenant_id, "sending_domain.probed", row, aligned=row.probe_aligned)
    if row.probe_aligned:
        looking.prove_if_known(session, system, row)
    return True


def _judge(row: SendingDomain, arrived: Arrived, now: datetime) -> None:
    tags = dmarc.policy(row.dmarc) or {}
    good = arrived.signature_of(row.domain, tags.get("adkim", "r"))
    row.probed_at = now
    row.signed_headers = sorted(good[1]) if good else []
    row.probe_aligned = good is not None and good[1] >= WANTED
    row.problem = "" if row.probe_aligned else _fault(arrived, good)


def _fault(arrived: Arrived, good: tuple[str, frozenset[str]] | None) -> str:
    """A code of `words.PROBLEMS`."""
    if not arrived.was_judged:
        return "probe_unjudged"
    return "probe_unsigned" if good is None else "probe_uncovered"
