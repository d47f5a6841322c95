"""Mail without a launch: invitation, recovery, a new lead. Sent at least once, one a cause."""

import re
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape
from uuid import UUID

from sqlalchemy import select

from tpma.core.errors import Unavailable
from tpma.core.i18n import direction
from tpma.core.i18n import gettext as _
from tpma.core.text import email_address, one_line
from tpma.ports.mail import Envelope, Outcome
from tpma.sending.engine import CALL_SECONDS
from tpma.sending.models import Notice, NoticeState, OutboxMail
from tpma.system import System

_LINK = re.compile(r"https?://[^\s<>]+")
MOST_COPIES = 2  # a lost answer may cost one more, and no third


def send(
    system: System,
    *,
    tenant_id: str | None,
    cause: str,
    recipient: str,
    subject: str,
    body: str,
    locale: str,
) -> None:
    """Keep the notice, hand it over, record it. Raises Unavailable so that the job comes back."""
    notice_id = keep(system, tenant_id, cause, recipient, subject, body, locale)
    if notice_id is not None:
        hand_over(system, notice_id, _envelope(system, notice_id))


def hand_over(system: System, notice_id: UUID, envelope: Envelope, code: str = "") -> None:
    """Submit a kept notice: at least once, and never a third time while it may have arrived.

    Raises Unavailable where nobody can tell, or it was not taken: the job comes back.
    """
    if system.mail.problems(envelope) or not _may_try(system, notice_id):
        _record(system, notice_id, Outcome.REFUSED, "", code)
        return
    result = system.mail.send(envelope, time.clock_gettime(time.CLOCK_BOOTTIME) + CALL_SECONDS)
    if result.outcome is Outcome.NOT_SENT:
        _count(system, notice_id, -1)
    if result.outcome in {Outcome.NOT_SENT, Outcome.MAYBE}:
        raise Unavailable(_("The notice could not be handed over (%(code)s).", code=result.code))
    _record(system, notice_id, result.outcome, str(result.provider_id), code)


def _may_try(system: System, notice_id: UUID) -> bool:
    """Count a copy before it leaves, so that a death afterwards is counted too."""
    if system.mail.capabilities.idempotent:
        return True
    with system.db.reading() as session:
        copies = session.get_one(Notice, notice_id).copies
    if copies >= MOST_COPIES:
        return False
    _count(system, notice_id, 1)
    return True


def _count(system: System, notice_id: UUID, more: int) -> None:
    if system.mail.capabilities.idempotent:
        return
    with system.db.transaction() as session:
        notice = session.get_one(Notice, notice_id, with_for_update=True)
        notice.copies = max(0, notice.copies + more)


def keep(
    system: System,
    tenant_id: str | None,
    cause: str,
    recipient: str,
    subject: str,
    body: str,
    locale: str,
) -> UUID | None:
    """The row of this cause; None if it was accepted or refused before."""
    with system.db.transaction() as session:
        known = session.scalar(select(Notice).where(Notice.cause == cause))
        if known is not None:
            return known.id if known.state is NoticeState.QUEUED else None
        notice = Notice(
            tenant_id=UUID(tenant_id) if tenant_id else None,
            cause=cause,
            recipient=email_address(recipient).shown,
            subject=one_line(subject, 200, "subject"),
            body=body,
            locale=locale,
            state=NoticeState.QUEUED,
        )
        session.add(notice)
        session.flush()
        return notice.id


def _envelope(system: System, notice_id: UUID) -> Envelope:
    with system.db.reading() as session:
        notice = session.get_one(Notice, notice_id)
    sender = f"notices@{system.settings.mail_domain}"
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr(("tpma", sender))
    message["To"] = notice.recipient
    message["Subject"] = notice.subject
    message["Date"] = format_datetime(system.clock())
    message["Message-ID"] = f"<n{notice_id.hex}@{system.settings.mail_domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.body)
    message.add_alternative(_html(notice), subtype="html")
    return Envelope(
        attempt_id=notice_id.hex,
        name=f"n{notice_id.hex}",
        mail_from=sender,
        rcpt_to=notice.recipient,
        raw=message.as_bytes(),
        tags={"tpma-attempt": notice_id.hex, "tpma-env": system.settings.environment},
    )


def _html(notice: Notice) -> str:
    """The same words with a quiet frame; an address on a line of its own becomes a button."""
    parts = "".join(_paragraph(part) for part in notice.body.split("\n\n") if part.strip())
    return (
        f'<!doctype html><html lang="{escape(notice.locale)}" dir="{direction(notice.locale)}">'
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(notice.subject)}</title></head>"
        '<body style="margin:0;background:#F5F5F1;padding:32px 16px;'
        "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;color:#16181C\">"
        '<div style="max-width:520px;margin:0 auto;background:#FFFFFF;border:1px solid #E2E2DB;'
        'border-radius:14px;padding:32px">'
        f"{parts}"
        '<p style="margin:24px 0 0;font-size:13px;color:#62666E">tpma</p></div></body></html>'
    )


def _paragraph(text: str) -> str:
    stripped = text.strip()
    if _LINK.fullmatch(stripped):
        return (
            f'<p style="margin:0 0 16px"><a href="{escape(stripped)}" style="display:inline-block;'
            "background:#16181C;color:#FFFFFF;text-decoration:none;padding:12px 20px;"
            f'border-radius:8px;font-weight:600">{escape(_("Open"))}</a></p>'
            f'<p style="margin:0 0 16px;font-size:13px;color:#62666E;word-break:break-all" '
            f'dir="ltr">{escape(stripped)}</p>'
        )
    linked = _LINK.sub(lambda m: f'<a href="{m.group()}">{m.group()}</a>', escape(stripped))
    return f'<p style="margin:0 0 16px">{linked.replace(chr(10), "<br>")}</p>'


def _record(system: System, notice_id: UUID, outcome: Outcome, provider_id: str, code: str) -> None:
    with system.db.transaction() as session:
        notice = session.get_one(Notice, notice_id)
        if outcome is Outcome.REFUSED:
            notice.state = NoticeState.FAILED
            return
        notice.state = NoticeState.ACCEPTED
        notice.provider_id = provider_id
        listed = session.scalar(select(OutboxMail.id).where(OutboxMail.notice_id == notice_id))
        if listed is None and not system.mail.capabilities.leaves_machine:
            session.add(
                OutboxMail(
                    tenant_id=notice.tenant_id,
                    notice_id=notice_id,
                    campaign_code=code,
                    recipient=notice.recipient,
                    subject=notice.subject,
                    at=system.clock(),
                    provider_id=provider_id,
                )
            )
