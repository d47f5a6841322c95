"""The operator's delivery page: how mail leaves, what stands still, and the ways on."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.identity.rules import Actor
from tpma.launches.models import Launch
from tpma.sending import engine, limits, operating, overseeing, warmup_deeds
from tpma.sending.delivery_words import cause_words, code_words, mailbox_words, verdict_words
from tpma.sending.mailboxes import Mailbox
from tpma.web.context import actor, render, system
from tpma.web.forms import choice, text, whole
from tpma.web.guards import operator

delivery = Blueprint(
    "delivery", __name__, url_prefix="/admin/delivery", template_folder="templates"
)


@delivery.get("/")
@operator("delivery.read")
def index() -> ResponseReturnValue:
    with system().db.reading() as session:
        return render(
            "sending/delivery.html",
            overview=overseeing.overview(session),
            now=clock_of(session)(),
            leaves=system().mail.capabilities.leaves_machine,
            together=system().mail.capabilities.batch_max,
            in_flight=engine.in_flight(system()),
            doubt_alarm=overseeing.DOUBT_ALARM,
            cause_words=cause_words,
            code_words=code_words,
            mailbox_words=mailbox_words,
            verdict_words=verdict_words,
        )


@delivery.post("/account/release")
@operator("delivery.act")
def release_account() -> ResponseReturnValue:
    scope = limits.account_scope(system().mail.name)
    with system().db.transaction() as session:
        operating.release_account(session, actor(), scope)
    return _said(_("The provider is asked again now."))


@delivery.post("/lanes/<uuid:organisation_id>/release")
@operator("delivery.act")
def release_lane(organisation_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        operating.release_lane(session, actor(), organisation_id)
    return _said(_("The lane is tried again now."))


@delivery.post("/launches/<uuid:launch_id>/let-go")
@operator("delivery.act")
def let_go(launch_id: UUID) -> ResponseReturnValue:
    _change(launch_id, operating.let_go)
    return _said(_("The rest leaves now."))


@delivery.post("/launches/<uuid:launch_id>/pause")
@operator("delivery.act")
def pause(launch_id: UUID) -> ResponseReturnValue:
    _change(launch_id, operating.pause)
    return _said(_("Paused. What is in flight, at most one batch a worker, still goes out."))


@delivery.post("/launches/<uuid:launch_id>/resume")
@operator("delivery.act")
def resume(launch_id: UUID) -> ResponseReturnValue:
    _change(launch_id, partial(operating.resume, settings=system().settings))
    return _said(_("Resumed. The mails that waited leave now."))


@delivery.post("/launches/<uuid:launch_id>/queue-again")
@operator("delivery.act")
def queue_again(launch_id: UUID) -> ResponseReturnValue:
    reason = text("reason", 40)
    with system().db.transaction() as session:
        launch = operating.get_launch(session, launch_id)
        count = operating.revive(session, actor(), launch, reason)
    return _said(
        ngettext("%(num)s mail is queued again.", "%(num)s mails are queued again.", count)
    )


@delivery.post("/warm-ups/declare")
@operator("delivery.act")
def declare_warmed() -> ResponseReturnValue:
    with system().db.transaction() as session:
        warmup_deeds.declare_warmed(session, actor(), text("domain", 253))
    return _said(_("The domain has no limit from now on."))


@delivery.post("/warm-ups/take-up")
@operator("delivery.act")
def take_up() -> ResponseReturnValue:
    with system().db.transaction() as session:
        warmup_deeds.take_up(session, actor(), text("domain", 253))
    return _said(_("The warm-up goes on."))


@delivery.post("/warm-ups/limit")
@operator("delivery.act")
def set_cap() -> ResponseReturnValue:
    with system().db.transaction() as session:
        warmup_deeds.set_cap(session, actor(), text("domain", 253), _mails())
    return _said(_("Saved. It holds from now on."))


@delivery.post("/mailboxes/release")
@operator("delivery.act")
def release_mailbox() -> ResponseReturnValue:
    with system().db.transaction() as session:
        warmup_deeds.release_mailbox(session, actor(), text("domain", 253), _mailbox())
    return _said(_("Full speed again."))


@delivery.post("/mailboxes/limit")
@operator("delivery.act")
def set_mailbox_day() -> ResponseReturnValue:
    with system().db.transaction() as session:
        warmup_deeds.set_mailbox_day(session, actor(), text("domain", 253), _mailbox(), _mails())
    return _said(_("Saved. It holds from now on."))


def _mails() -> int | None:
    """Empty, or 0, for no limit of the operator's."""
    return whole("mails", most=warmup_deeds.MOST) or None


def _mailbox() -> Mailbox:
    return Mailbox[choice("mailbox", [box.name.lower() for box in Mailbox]).upper()]


def _change(launch_id: UUID, deed: Callable[[Session, Actor, Launch], None]) -> None:
    with system().db.transaction() as session:
        deed(session, actor(), operating.get_launch(session, launch_id))


def _said(words: str) -> ResponseReturnValue:
    flash(words)
    return redirect(url_for(".index"), 303)
