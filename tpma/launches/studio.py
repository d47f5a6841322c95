"""What a vendor sees of its partners' launches: states, codes and numbers, never a contact."""

from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.kits import queries as kits
from tpma.launches import queries, service
from tpma.launches.models import Launch
from tpma.partners.queries import assigned_to
from tpma.web.context import actor, render, system
from tpma.web.guards import vendor

studio = Blueprint(
    "launches_studio", __name__, url_prefix="/studio/launches", template_folder="templates"
)


@studio.get("/")
@vendor("launch.read")
def index() -> ResponseReturnValue:
    with system().db.reading() as session:
        lines = queries.for_vendor(session, actor().organisation_id, assigned_to(actor()))
        return render("launches/studio_index.html", lines=lines)


@studio.get("/of/<kit_slug>")
@vendor("launch.read")
def of_kit(kit_slug: str) -> ResponseReturnValue:
    """A panel for the kit's own page: who runs it now."""
    with system().db.reading() as session:
        kit = kits.get_for_vendor(session, actor().organisation_id, kit_slug).kit
        lines = queries.of_kit(session, kit.tenant_id, kit.slug, assigned_to(actor()))
        return render("launches/of_kit.html", lines=lines)


@studio.get("/<uuid:launch_id>")
@vendor("launch.read")
def show(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = _theirs(session, launch_id)
        return render(
            "launches/studio_show.html",
            launch=launch,
            kit=launch.kit_version.kit,
            content=kits.content(session, launch.kit_version_id),
            partner=session.get_one(Organisation, launch.tenant_id),
        )


@studio.post("/<uuid:launch_id>/pause")
@vendor("launch.stop")
def pause(launch_id: UUID) -> ResponseReturnValue:
    """A brand reviewer may hold a launch; the partner sees who and why."""
    with system().db.transaction() as session:
        launch = _theirs(session, launch_id)
        service.pause(session, actor(), launch, cause="vendor")
    flash(_("Paused. What was already on its way goes out; nothing else does."))
    return redirect(url_for(".show", launch_id=launch_id), 303)


@studio.post("/<uuid:launch_id>/resume")
@vendor("launch.stop")
def resume(launch_id: UUID) -> ResponseReturnValue:
    """Lifts the vendor's own pause; what the partner paused is the partner's to resume."""
    with system().db.transaction() as session:
        launch = _theirs(session, launch_id)
        if launch.paused_cause != "vendor":
            raise Conflict(_("You have not paused this launch, so there is nothing to resume."))
        service.resume(session, actor(), launch)
    flash(_("Resumed. The mails that waited leave now."))
    return redirect(url_for(".show", launch_id=launch_id), 303)


def _theirs(session: Session, launch_id: UUID) -> Launch:
    mine = assigned_to(actor())
    return service.get_for_vendor(session, actor().organisation_id, launch_id, mine)
