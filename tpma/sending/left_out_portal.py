"""Who is left out of a launch and why, to look at and to take along. The partner's people only."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from flask import Blueprint, Response, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from tpma.core.sheets import Cell, lines_of
from tpma.identity.service import record
from tpma.launches import compiling
from tpma.launches import service as launches
from tpma.sending import left_out
from tpma.sending.domains import link_hosts
from tpma.web.context import actor, render, system
from tpma.web.guards import partner

portal = Blueprint(
    "sending_left_out", __name__, url_prefix="/portal/launches", template_folder="templates"
)


@portal.get("/<uuid:launch_id>/left-out")
@partner("contacts.read")
def index(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = launches.get(session, actor().organisation_id, launch_id)
        plan = compiling.drawing(
            session, launch, link_hosts.base_of(session, system().settings, launch)
        )
        editable = launches.is_editable(launch)
        back = "sending_check.check" if editable else "launches_portal.show"
        groups = left_out.groups(session, plan, system().clock())
        return render(
            "sending/left_out.html",
            launch=launch,
            editable=editable,
            groups=groups,
            total=sum(group.total for group in groups),
            back_url=url_for(back, launch_id=launch.id),
            page_url=plan.facts.page_url,
        )


@portal.get("/<uuid:launch_id>/left-out.csv")
@partner("contacts.write")
def export(launch_id: UUID) -> Response:
    """All of them, as a sheet. Taking them out is written down."""
    owner = actor().organisation_id
    with system().db.transaction() as session:
        launch = launches.get(session, owner, launch_id)
        record(session, actor(), owner, "contacts.left_out_exported", launch)
        name = f"left-out-{launch.campaign_code}.csv"
    lines = stream_with_context(lines_of(_lines(owner, launch_id, system().clock())))
    answer = Response(lines, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _lines(owner: UUID, launch_id: UUID, now: datetime) -> Iterator[list[Cell]]:
    with system().db.reading() as session:
        launch = launches.get(session, owner, launch_id)
        plan = compiling.drawing(
            session, launch, link_hosts.base_of(session, system().settings, launch)
        )
        yield from left_out.lines(session, plan, now)
