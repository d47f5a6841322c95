"""The mailbox's pages, the same for a partner and for the operator but for whose mails they are."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, current_app, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import clock_time, current_zone, day, lazy
from tpma.core.i18n import gettext as _
from tpma.launches.models import Link
from tpma.rendering.links import PAGE
from tpma.sending import acting, mailbox, opened
from tpma.sending.acting import Deed, Reader
from tpma.sending.life import life
from tpma.sending.mailbox import Kept, Wanted
from tpma.sending.opened import Opened
from tpma.web.context import actor, render, system
from tpma.web.forms import asked_number, choice
from tpma.web.paging import SIZE, page_of
from tpma.web.security import framed

PARTS = {
    "mail": lazy("Mail"),
    "text": lazy("Text"),
    "headers": lazy("Headers"),
    "links": lazy("Links"),
    "source": lazy("Source"),
}
# What is said when it is done.
_DONE: dict[Deed, str] = {
    Deed.OPEN: lazy("Opened. The open is in the list of what happened."),
    Deed.CLICK: lazy("Clicked, as a person does."),
    Deed.SCAN: lazy("Clicked, as a scanner does: it is kept and not counted."),
    Deed.UNSUBSCRIBE: lazy("Unsubscribed: from now on nothing leaves for this person."),
    Deed.BOUNCE: lazy("Bounced for good: the address is closed for this partner."),
    Deed.SOFT_BOUNCE: lazy("Bounced for now: the address stays open."),
    Deed.COMPLAIN: lazy("Complained: the address is closed for this partner."),
}
_MOST_SHOWN = 400_000  # characters of source in a page; the .eml has everything


def page(tenant_id: UUID | None, mail_id: int | None) -> ResponseReturnValue:
    """The list, and one mail beside it: the one asked for, else the newest."""
    wanted = _wanted()
    with system().db.reading() as session:
        rows = mailbox.listing(session, tenant_id, wanted, SIZE + 1)
        chosen = mail_id or (rows[0].id if rows else None)
        return render(
            "sending/mailbox.html",
            listed=page_of(rows),
            total=mailbox.count(session, tenant_id, wanted),
            wanted=wanted,
            asked=mail_id is not None,
            narrowed=_narrowed(wanted),
            transport=system().mail,
            mine=tenant_id is not None,
            when=_when,
            life=life,
            **(_shown(session, tenant_id, chosen) if chosen else {"mail": None}),
        )


def _when(at: datetime) -> str:
    """The hour of a mail of today, the day of an older one."""
    zone = current_zone()
    today = system().clock().astimezone(zone).date()
    return clock_time(at) if at.astimezone(zone).date() == today else day(at)


def _wanted() -> Wanted:
    launch = request.args.get("launch", "")
    try:
        launch_id = UUID(launch) if launch else None
    except ValueError as error:
        raise NotFound(_("There is no such launch.")) from error
    return Wanted(
        words=request.args.get("q", "").strip()[:100],
        launch_id=launch_id,
        before=asked_number("before"),
    )


def _narrowed(wanted: Wanted) -> str:
    """The query every link of the page carries on, "" or "?q=…"."""
    pairs = {"q": wanted.words, "launch": wanted.launch_id or "", "before": wanted.before or ""}
    query = urlencode({name: value for name, value in pairs.items() if value})
    return f"?{query}" if query else ""


def _shown(session: Session, tenant_id: UUID | None, mail_id: int) -> dict[str, object]:
    mail = mailbox.kept(session, tenant_id, mail_id)
    raw = system().mail.stored(mail.row.provider_id)
    whole = opened.opened(raw) if raw is not None else None
    part = request.args.get("part", "mail")
    anchors = opened.anchors(whole, mail.links) if whole else []
    return {
        "mail": mail,
        "whole": whole,
        "part": part if part in PARTS else "mail",
        "parts": PARTS,
        "narrow": request.args.get("width") == "phone",
        "anchors": anchors,
        "clickable": _clickable(mail, anchors),
        "guarantees": _guarantees(session, mail, whole) if whole else None,
        "seen": _reader().seen(session, mail.message) if mail.message else [],
        "source": whole.source[:_MOST_SHOWN] if whole else "",
    }


def _clickable(mail: Kept, anchors: list[opened.Anchor]) -> list[Link]:
    """The tracked links of this very mail, those to the landing page first."""
    keys = {anchor.key for anchor in anchors}
    own = [link for link in mail.links.values() if link.key in keys]
    return sorted(own, key=lambda link: (link.target != PAGE, link.number))


def _guarantees(session: Session, mail: Kept, whole: Opened) -> opened.Guarantees | None:
    if mail.message is None or mail.launch is None or mail.partner is None:
        return None
    copies = mailbox.copies(session, mail.message)
    return opened.guarantees(whole, mail.launch.campaign_code, mail.partner.legal_name, copies)


def document(tenant_id: UUID | None, mail_id: int) -> ResponseReturnValue:
    """The mail itself, for the sandboxed frame and nothing else."""
    whole = _stored(tenant_id, mail_id)
    if whole.html:
        return framed(make_response(opened.shown_html(whole)))
    response = framed(make_response(whole.text))
    response.mimetype = "text/plain"
    return response


def eml(tenant_id: UUID | None, mail_id: int) -> ResponseReturnValue:
    response = Response(_stored(tenant_id, mail_id).raw, mimetype="message/rfc822")
    response.headers["Content-Disposition"] = f'attachment; filename="mail-{mail_id}.eml"'
    return response


def _stored(tenant_id: UUID | None, mail_id: int) -> Opened:
    with system().db.reading() as session:
        mail = mailbox.kept(session, tenant_id, mail_id)
    raw = system().mail.stored(mail.row.provider_id)
    if raw is None:
        raise NotFound(_("The local outbox no longer keeps this mail."))
    return opened.opened(raw)


def act(tenant_id: UUID | None, mail_id: int, back: str) -> ResponseReturnValue:
    """`back` is the endpoint of the mail's page."""
    with system().db.transaction() as session:
        mail = mailbox.kept(session, tenant_id, mail_id)
        deed = Deed(choice("deed", [deed.value for deed in Deed]))
        acting.act(
            session,
            system(),
            actor(),
            mail,
            deed,
            link_number=request.form.get("link", type=int),
            reader=_reader(),
        )
    flash(_(_DONE[deed]))
    return redirect(url_for(back, mail_id=mail_id) + _narrowed(_wanted()), 303)


def _reader() -> Reader:
    found: Reader = current_app.extensions["tpma.reader"]
    return found
