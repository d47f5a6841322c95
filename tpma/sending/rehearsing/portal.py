"""A launch's rehearsal: ask for it, watch it, read what came of it."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.launches import service as launches
from tpma.sending.checking import cure_of
from tpma.sending.rehearsing import cast, findings, service
from tpma.sending.rehearsing.ledger import MOST_MAILS
from tpma.web.context import actor, render, system
from tpma.web.guards import partner

portal = Blueprint(
    "sending_rehearsal", __name__, url_prefix="/portal/launches", template_folder="../templates"
)


@portal.get("/<uuid:launch_id>/rehearsal")
@partner("launch.read")
def show(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return render("sending/rehearsal.html", **_shown(session, launch_id))


@portal.get("/<uuid:launch_id>/rehearsal/progress")
@partner("launch.read")
def progress(launch_id: UUID) -> ResponseReturnValue:
    """The moving part of the page; it ends with the report, which asks no more."""
    with system().db.reading() as session:
        return render("sending/rehearsal_report.html", **_shown(session, launch_id))


@portal.post("/<uuid:launch_id>/rehearsal")
@partner("launch.write")
def ask(launch_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.ask(session, actor(), launches.get(session, actor().organisation_id, launch_id))
    return redirect(url_for(".show", launch_id=launch_id), 303)


def _shown(session: Session, launch_id: UUID) -> dict[str, Any]:
    launch = launches.get(session, actor().organisation_id, launch_id)
    history = service.history(session, launch)
    chosen = next((one for one in history if str(one.id) == request.args.get("which")), None)
    found = chosen or next(iter(history), None)
    return {
        "launch": launch,
        "editable": launches.is_editable(launch),
        "possible": service.may_rehearse(launch),
        "found": found,
        "findings": findings.of(found.figures) if found else [],
        "earlier": [one for one in history if one is not found],
        "most": MOST_MAILS,
        "shares": cast.SHARES,
        "one_from": cast.ONE_OF_EACH_FROM,
        "cure_url": lambda screen: cure_of(screen, launch_id),
    }
