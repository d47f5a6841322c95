"""The operator's delivery page: how mail leaves, what stands still, and the ways on."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.identity.rules import Actor
from tpma.launches.models import Launch
from tpma.sending import engine, limits, operating, overseeing
from tpma.sending.delivery_words import cause_words, code_words
from tpma.web.context import actor, render, system
from tpma.web.forms import text
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
            in_flight=engine.wave_of(system()),
            doubt_alarm=overseeing.DOUBT_ALARM,
            cause_words=cause_words,
            code_words=code_words,
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
    _change(launch_id, operating.resume)
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


def _change(launch_id: UUID, deed: Callable[[Session, Actor, Launch], None]) -> None:
    with system().db.transaction() as session:
        deed(session, actor(), operating.get_launch(session, launch_id))


def _said(words: str) -> ResponseReturnValue:
    flash(words)
    return redirect(url_for(".index"), 303)
