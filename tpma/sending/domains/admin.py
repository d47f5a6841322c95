"""The operator's view of every sending domain, with the ways to stop one."""

from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.sending.domains import service, views
from tpma.sending.domains.models import SendingDomain
from tpma.web.context import actor, render, system
from tpma.web.guards import operator

admin = Blueprint(
    "sending_domains_admin",
    __name__,
    url_prefix="/admin/sending-domains",
    template_folder="../templates",
)


@admin.get("/")
@operator("delivery.read")
def index() -> ResponseReturnValue:
    with system().db.reading() as session:
        return render("sending/domains_admin.html", **views.everybodys(session, system()))


@admin.post("/<uuid:sending_domain_id>/look")
@operator("delivery.act")
def look(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.look_now(session, actor(), _any(session, sending_domain_id))
    return _said(_("DNS and the provider are being asked."))


@admin.post("/<uuid:sending_domain_id>/suspend")
@operator("delivery.act")
def suspend(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        held = service.suspend(session, actor(), _any(session, sending_domain_id))
    return _said(_("Stopped. Launches paused for it: %(count)s.", count=held))


@admin.post("/<uuid:sending_domain_id>/lift")
@operator("delivery.act")
def lift(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.lift(session, actor(), _any(session, sending_domain_id))
    return _said(_("It is looked at once more; if all stands, it may send again."))


@admin.post("/<uuid:sending_domain_id>/remove")
@operator("delivery.act")
def remove(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        held = service.remove(session, actor(), _any(session, sending_domain_id))
    return _said(_("Removed. Launches paused for it: %(count)s.", count=held))


def _any(session: Session, sending_domain_id: UUID) -> SendingDomain:
    found = session.get(SendingDomain, sending_domain_id, with_for_update=True)
    if found is None:
        raise NotFound(_("There is no such sending domain."))
    return found


def _said(words: str) -> ResponseReturnValue:
    flash(words)
    return redirect(url_for(".index"), 303)
