"""The partner's own sending domains: enter one, add its records, look whether they are there."""

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.identity.models import Organisation
from tpma.sending.domains import linking, queries, records, service, views
from tpma.sending.domains.models import SendingDomain
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import partner

portal = Blueprint(
    "sending_domains",
    __name__,
    url_prefix="/portal/sending-domains",
    template_folder="../templates",
)


@portal.get("/")
@partner("brand.read")
def index() -> ResponseReturnValue:
    return _index("", Faults()), 200


@portal.post("/")
@partner("brand.write")
def claim() -> ResponseReturnValue:
    typed = request.form.get("domain", "")[:300]
    faults = Faults()
    try:
        with system().db.transaction() as session:
            as_it_is = request.form.get("as_it_is") == "1"
            made = service.claim(session, system(), actor(), typed, as_it_is=as_it_is)
    except Invalid as error:
        faults.add(error)
        return _index(typed, faults), 422
    return redirect(url_for(".show", sending_domain_id=made.id), 303)


def _index(typed: str, faults: Faults) -> str:
    with system().db.reading() as session:
        company = session.get_one(Organisation, actor().organisation_id)
        return render(
            "sending/domains.html",
            typed=typed,
            faults=faults,
            company=company,
            **views.listed(session, system(), company.id, company.slug),
        )


@portal.get("/in-force")
@partner("brand.read")
def in_force() -> ResponseReturnValue:
    """What the next launch comes from: a part of the wizard's fourth screen."""
    with system().db.reading() as session:
        company = session.get_one(Organisation, actor().organisation_id)
        return render(
            "sending/domain_in_force.html",
            **views.listed(session, system(), company.id, company.slug),
        )


@portal.get("/<uuid:sending_domain_id>/")
@partner("brand.read")
def show(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return render("sending/domain.html", **_shown(session, sending_domain_id))


@portal.get("/<uuid:sending_domain_id>/progress")
@partner("brand.read")
def progress(sending_domain_id: UUID) -> ResponseReturnValue:
    """The moving part of the page, asked for while a look is under way."""
    with system().db.reading() as session:
        return render("sending/domain_checks.html", **_shown(session, sending_domain_id))


@portal.post("/<uuid:sending_domain_id>/look")
@partner("brand.write")
def look(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.look_now(session, actor(), _mine(session, sending_domain_id, lock=True))
    return redirect(url_for(".show", sending_domain_id=sending_domain_id), 303)


@portal.post("/<uuid:sending_domain_id>/remove")
@partner("brand.write")
def remove(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        held = service.remove(session, actor(), _mine(session, sending_domain_id, lock=True))
    flash(_("Removed. Your next launches leave from the shared domain."))
    if held:
        flash(ngettext("%(num)s launch is paused.", "%(num)s launches are paused.", held))
    return redirect(url_for(".index"), 303)


@portal.post("/<uuid:sending_domain_id>/links")
@partner("brand.write")
def link_host(sending_domain_id: UUID) -> ResponseReturnValue:
    """Links of the next launches shall run over a name below this domain."""
    typed = request.form.get("link_host", "")[:300]
    try:
        with system().db.transaction() as session:
            found = _mine(session, sending_domain_id, lock=True)
            linking.claim(session, system(), actor(), found, typed)
    except Invalid as error:
        faults = Faults()
        faults.add(error)
        with system().db.reading() as session:
            shown = _shown(session, sending_domain_id)
            page = render("sending/domain.html", **shown, faults=faults, typed_host=typed)
        return page, 422
    return redirect(url_for(".show", sending_domain_id=sending_domain_id, _anchor="records"), 303)


@portal.post("/<uuid:sending_domain_id>/links/end")
@partner("brand.write")
def end_link_host(sending_domain_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        linking.give_up(session, actor(), _mine(session, sending_domain_id, lock=True))
    flash(_("New launches use the platform’s host for their links."))
    return redirect(url_for(".show", sending_domain_id=sending_domain_id), 303)


@portal.get("/<uuid:sending_domain_id>/zone.txt")
@partner("brand.read")
def zone_file(sending_domain_id: UUID) -> ResponseReturnValue:
    return _download(sending_domain_id, "zone", records.zone_file)


@portal.get("/<uuid:sending_domain_id>/records.tf")
@partner("brand.read")
def terraform(sending_domain_id: UUID) -> ResponseReturnValue:
    return _download(sending_domain_id, "tf", records.terraform)


def _download(sending_domain_id: UUID, ending: str, write: Any) -> ResponseReturnValue:
    with system().db.reading() as session:
        found = _mine(session, sending_domain_id)
        text = write(found.domain, views.wanted(session, system(), found))
    name = f"{found.domain}.{ending}"
    return (
        text,
        200,
        {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


def _shown(session: Session, sending_domain_id: UUID) -> dict[str, Any]:
    found = _mine(session, sending_domain_id)
    return views.of(session, system(), found) | {
        "account": views.account(session, system(), found.tenant_id)
    }


def _mine(session: Session, sending_domain_id: UUID, *, lock: bool = False) -> SendingDomain:
    return queries.get(session, actor().organisation_id, sending_domain_id, lock=lock)
