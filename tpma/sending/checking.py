"""The wizard's last screen, and the buttons of a launch that runs: what they do to its mails."""

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.kits import queries as kits
from tpma.launches import compiling
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.launches.screens import SCREENS
from tpma.sending import progress as progresses
from tpma.sending import resending, service
from tpma.web.context import actor, render, system
from tpma.web.guards import partner

checking = Blueprint(
    "sending_check", __name__, url_prefix="/portal/launches", template_folder="templates"
)

_CURES = {
    "audience": "launches_portal.audience",
    "message": "launches_portal.message",
    "goal": "launches_portal.goal",
    "time": "launches_portal.time",
}


@checking.get("/<uuid:launch_id>/check")
@partner("launch.write")
def check(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = _draft(session, launch_id)
        return _screen(session, launch, service.check(session, system(), launch))


def _screen(session: Session, launch: Launch, report: service.Report) -> str:
    return render(
        "sending/check.html",
        launch=launch,
        kit=launch.kit_version.kit,
        content=kits.content(session, launch.kit_version_id),
        screens=SCREENS,
        here="check",
        close_url=url_for("launches_portal.index"),
        report=report,
        cure_url=lambda screen: _cure(screen, launch),
        readers=progresses.readers(
            session, launch, compiling.drawing(session, launch, system().settings.base_url)
        ),
        page_url=f"{system().settings.base_url}/l/{launch.page_slug}",
    )


def _cure(screen: str, launch: Launch) -> str:
    if screen in _CURES:
        return url_for(_CURES[screen], launch_id=launch.id)
    return url_for({"brand": "branding_portal.profile", "kits": "kits_portal.index"}[screen])


@checking.post("/<uuid:launch_id>/launch")
@partner("launch.write")
def launch(launch_id: UUID) -> ResponseReturnValue:
    """Launch: checked once more, frozen, planned and scheduled in one transaction."""
    try:
        with system().db.transaction() as session:
            draft = launches.get(session, actor().organisation_id, launch_id)
            if launches.is_editable(draft):
                service.launch(session, system(), actor(), draft)
    except Conflict:
        with system().db.reading() as session:
            draft = _draft(session, launch_id)
            return _screen(session, draft, service.check(session, system(), draft)), 409
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/unschedule")
@partner("launch.write")
def unschedule(launch_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.unschedule(session, actor(), _mine(session, launch_id))
    flash(_("Taken back. Nothing has left; the draft is as it was."))
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/pause")
@partner("launch.write")
def pause(launch_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        launches.pause(session, actor(), _mine(session, launch_id))
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/resume")
@partner("launch.write")
def resume(launch_id: UUID) -> ResponseReturnValue:
    """A launch the vendor paused is the vendor's to resume."""
    with system().db.transaction() as session:
        found = _mine(session, launch_id)
        if found.paused_cause == "vendor":
            raise Conflict(_("The vendor has paused this launch. Ask your contact there."))
        launches.resume(session, actor(), found)
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/stop")
@partner("launch.stop")
def stop(launch_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        dropped = service.stop(session, actor(), _mine(session, launch_id))
    flash(_("Stopped. %(count)s mails will not be sent.", count=dropped))
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/resend")
@partner("launch.write")
def resend(launch_id: UUID) -> ResponseReturnValue:
    """Send the unconfirmed mails again; the page said that some may arrive twice."""
    with system().db.transaction() as session:
        again = resending.resend(session, actor(), _mine(session, launch_id))
    flash(
        ngettext(
            "%(num)s mail is on its way again.", "%(num)s mails are on their way again.", again
        )
    )
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.get("/<uuid:launch_id>/progress")
@partner("launch.read")
def progress(launch_id: UUID) -> ResponseReturnValue:
    """The live panel of a launch; the page asks for it every two seconds while mails leave."""
    with system().db.reading() as session:
        found = _mine(session, launch_id)
        return render(
            "sending/progress.html",
            launch=found,
            **_panel(session, found),
        )


def _panel(session: Session, found: Launch) -> dict[str, Any]:
    return {
        "now": progresses.of(session, found, system().clock()),
        "skipped": progresses.skipped(session, found),
        "again": resending.candidates(session, found),
        "waits": progresses.waits(session, found, system()),
        "mailbox": not system().mail.capabilities.leaves_machine,
    }


def _mine(session: Session, launch_id: UUID) -> Launch:
    return launches.get(session, actor().organisation_id, launch_id)


def _draft(session: Session, launch_id: UUID) -> Launch:
    found = _mine(session, launch_id)
    if not launches.is_editable(found):
        raise NotFound(_("This launch is no longer a draft. Open it from the list of launches."))
    return found
