"""Mail without a launch: invitation, recovery, a new lead. Sent at least once, one a cause."""

import re
import time
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.errors import Unavailable
from tpma.core.i18n import direction
from tpma.core.i18n import gettext as _
from tpma.core.text import email_address, one_line
from tpma.ports.mail import Envelope, Outcome, SendResult
from tpma.sending import watermark
from tpma.sending.handing_over import CALL_SECONDS
from tpma.sending.models import Notice, NoticeState, OutboxMail
from tpma.system import System

DOUBT = timedelta(minutes=30)  # an event that proves the arrival may take that long
GIVE_UP_AFTER = timedelta(hours=24)
_MOST_COPIES = 2
_MOST_SETTLED = 50  # of one sweep
_OVER = {NoticeState.ACCEPTED, NoticeState.FAILED, NoticeState.UNCONFIRMED}
_LINK = re.compile(r"https?://[^\s<>]+")


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
    """Keep the notice, hand it over, record it. Raises Unavailable so that the job comes back.

    A submission whose end nobody knows is repeated once, after half an hour without an event
    that proves it; where the transport itself knows a mail again, at once.
    """
    notice_id = keep(system, tenant_id, cause, recipient, subject, body, locale)
    hand_over(system, notice_id, _envelope(system, notice_id))


def hand_over(system: System, notice_id: UUID, envelope: Envelope, code: str = "") -> None:
    """Submit a kept notice unless it is over; `code` is the campaign's, for the mailbox.

    Raises Unavailable where nobody can tell, or it was not taken: the job comes back.
    """
    last_moment = time.clock_gettime(time.CLOCK_BOOTTIME) + CALL_SECONDS  # before the intent
    if not _begin(system, notice_id):
        return
    if system.mail.problems(envelope):
        _record(system, notice_id, SendResult(Outcome.REFUSED), code)
        return
    result = system.mail.send(envelope, last_moment)
    _record(system, notice_id, result, code)
    if result.outcome in {Outcome.NOT_SENT, Outcome.MAYBE}:
        raise Unavailable(_("The notice could not be handed over (%(code)s).", code=result.code))


def keep(
    system: System,
    tenant_id: str | None,
    cause: str,
    recipient: str,
    subject: str,
    body: str,
    locale: str,
) -> UUID:
    """The id of the one notice of this cause."""
    with system.db.transaction() as session:
        known = session.scalar(select(Notice.id).where(Notice.cause == cause))
        if known is not None:
            return known
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


def _begin(system: System, notice_id: UUID) -> bool:
    """Commit the intent; False if there is nothing left to do. Raises Unavailable while an
    earlier submission may still prove to have arrived."""
    now = system.clock()
    with system.db.transaction() as session:
        notice = session.get_one(Notice, notice_id, with_for_update=True)
        if notice.state in _OVER:
            return False
        if notice.state is not NoticeState.QUEUED and not system.mail.capabilities.idempotent:
            if notice.started_at and _may_still_prove(session, notice.started_at, now):
                raise Unavailable(_("The notice may have arrived; it is looked at again later."))
            if notice.generation >= _MOST_COPIES:
                notice.state = NoticeState.UNCONFIRMED
                return False
            notice.generation += 1
        notice.state = NoticeState.SUBMITTING
        notice.started_at = now
    return True


def _may_still_prove(session: Session, started_at: datetime, now: datetime) -> bool:
    """T16: half an hour, and until the event feed has told of mails handed over later. A silent
    feed proves nothing, but nobody waits longer than a day for it."""
    if now - started_at < DOUBT:
        return True
    if now - started_at >= GIVE_UP_AFTER or not watermark.is_known(session):
        return False
    return not watermark.past(session, started_at)


def settle(system: System) -> int:
    """T16 and its end for notices whose job has been given up: a feed may be silent for longer
    than a job comes back. How many were handed over once more, or told as unconfirmed."""
    oldest = system.clock() - DOUBT
    with system.db.reading() as session:
        waiting = session.scalars(
            select(Notice.id)
            .where(Notice.state.in_([NoticeState.SUBMITTING, NoticeState.IN_DOUBT]))
            .where(Notice.started_at < oldest, Notice.body != "")  # a proof is asked for again
            .order_by(Notice.started_at)
            .limit(_MOST_SETTLED)
        ).all()
    return sum(_settled(system, notice_id) for notice_id in waiting)


def _settled(system: System, notice_id: UUID) -> bool:
    try:
        hand_over(system, notice_id, _envelope(system, notice_id))
    except Unavailable:
        return False
    return True


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


_AFTER = {
    Outcome.ACCEPTED: NoticeState.ACCEPTED,
    Outcome.REFUSED: NoticeState.FAILED,
    Outcome.NOT_SENT: NoticeState.QUEUED,
    Outcome.MAYBE: NoticeState.IN_DOUBT,
}


def _record(system: System, notice_id: UUID, result: SendResult, code: str) -> None:
    with system.db.transaction() as session:
        notice = session.get_one(Notice, notice_id, with_for_update=True)
        if notice.state is NoticeState.ACCEPTED:
            return  # an event was quicker
        notice.state = _AFTER[result.outcome]
        if result.outcome is Outcome.ACCEPTED:
            notice.provider_id = result.provider_id
            _index(session, system, notice, str(result.provider_id), code)


def proved(session: Session, notice_id: UUID, provider_id: str | None) -> bool:
    """An event names this notice: it has arrived, whatever was thought; False if there is none."""
    notice = session.get(Notice, notice_id, with_for_update=True)
    if notice is None:
        return False
    notice.state = NoticeState.ACCEPTED
    notice.provider_id = notice.provider_id or provider_id
    return True


def _index(session: Session, system: System, notice: Notice, provider_id: str, code: str) -> None:
    listed = session.scalar(select(OutboxMail.id).where(OutboxMail.notice_id == notice.id))
    if listed is None and not system.mail.capabilities.leaves_machine:
        session.add(
            OutboxMail(
                tenant_id=notice.tenant_id,
                notice_id=notice.id,
                campaign_code=code,
                recipient=notice.recipient,
                subject=notice.subject,
                at=system.clock(),
                provider_id=provider_id,
            )
        )
