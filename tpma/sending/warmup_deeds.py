"""What the operator decides about a sending domain. Each deed is audited; none of it is a place
in anybody's rate."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.sending import lanes, limits, warming
from tpma.sending.mailboxes import Mailbox
from tpma.sending.models import LaunchPace, SendChunk, SendRate, Warmup

MOST = 10_000_000  # mails a day that may be entered


def declare_warmed(session: Session, actor: Actor, domain: str) -> None:
    """The domain has a reputation from elsewhere: no limit from now on."""
    row = _row(session, domain)
    if row.warmed_at is not None:
        raise Conflict(_("This domain has no limit already."))
    row.warmed_at, row.stopped = clock_of(session)(), ""
    record(session, actor, None, "warmup.declared", row, domain=domain, rung=row.step)
    _due_now(session, domain)


def take_up(session: Session, actor: Actor, domain: str) -> None:
    """Warm the domain up after all: from the rung it stands on, or the one before a stop."""
    row = _row(session, domain)
    if row.warmed_at is None and not row.stopped:
        raise Conflict(_("This domain is being warmed up already."))
    if row.stopped:
        row.step = warming.halved(row.step)
    row.warmed_at, row.stopped, row.verdict = None, "", ""
    now = clock_of(session)()
    row.taken = row.taken if row.day == now.date() else 0
    row.day = now.date()  # what came before has been judged, by a person
    record(session, actor, None, "warmup.resumed", row, domain=domain, rung=row.step)
    _due_now(session, domain)


def set_cap(session: Session, actor: Actor, domain: str, mails: int | None) -> None:
    """So many a day instead of the ladder's; None gives the ladder back."""
    row = _row(session, domain)
    if mails is not None and not 1 <= mails <= MOST:
        raise Invalid(_("Enter a number from 1 up, or nothing for the ladder."), field="mails")
    before, row.own_cap = row.own_cap, mails
    told = {"domain": domain, "before": before or 0, "after": mails or 0}
    record(session, actor, None, "warmup.cap", row, **told)
    _due_now(session, domain)


def release_mailbox(session: Session, actor: Actor, domain: str, mailbox: Mailbox) -> None:
    """End a brake (RT-07) before its four hours are over."""
    row = _rate(session, domain, mailbox)
    if row is None or row.until is None or row.until <= clock_of(session)():
        raise Conflict(_("This provider is not slowed down."))
    record(session, actor, None, "mailbox.released", row, scope=row.scope, cause=row.cause)
    limits.release(session, row.scope)
    _due_now(session, domain, SendChunk.mailbox == int(mailbox))


def set_mailbox_day(
    session: Session, actor: Actor, domain: str, mailbox: Mailbox, mails: int | None
) -> None:
    """So many mails of this domain to this provider in 24 hours; None for no limit."""
    _row(session, domain)
    if mails is not None and not 1 <= mails <= MOST:
        raise Invalid(_("Enter a number from 1 up, or nothing for no limit."), field="mails")
    scope = limits.mailbox_scope(domain, mailbox)
    limits.set_day(session, scope, mails)
    row = session.get_one(SendRate, scope)
    record(session, actor, None, "mailbox.day", row, scope=scope, after=mails or 0)
    _due_now(session, domain, SendChunk.mailbox == int(mailbox))


def _row(session: Session, domain: str) -> Warmup:
    found = session.get(Warmup, domain, with_for_update=True)
    if found is None:
        raise NotFound(_("There is nothing here."))
    return found


def _rate(session: Session, domain: str, mailbox: Mailbox) -> SendRate | None:
    return session.get(SendRate, limits.mailbox_scope(domain, mailbox), with_for_update=True)


def _due_now(session: Session, domain: str, *which: Any) -> None:
    """What was put off because of the limit is looked at again, with the next claim."""
    launches = select(LaunchPace.launch_id).where(LaunchPace.domain == domain)
    now = clock_of(session)()
    waiting = [SendChunk.launch_id.in_(launches), SendChunk.not_before > now, SendChunk.zone == ""]
    lanes.move(session, now, *waiting, *which)
