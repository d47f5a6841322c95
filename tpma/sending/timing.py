"""When readers get it: the preview beside the wizard's fourth screen, as it is being typed."""

from uuid import UUID
from zoneinfo import available_timezones

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.launches import compiling, timing_form
from tpma.launches import service as launches
from tpma.launches.drafting import RUNS_FOR, Timing, refuse_impossible
from tpma.launches.models import Launch
from tpma.sending import pacing
from tpma.sending import progress as progresses
from tpma.sending.domains import link_hosts
from tpma.sending.pacing import Choice
from tpma.sending.windows import Window
from tpma.web.context import actor, render, system
from tpma.web.forms import text
from tpma.web.guards import partner

timing = Blueprint(
    "sending_timing", __name__, url_prefix="/portal/launches", template_folder="templates"
)


@timing.post("/<uuid:launch_id>/time/preview")
@partner("launch.write")
def preview(launch_id: UUID) -> ResponseReturnValue:
    """The first and the last reader, and when the last mail will have left. Saves nothing."""
    with system().db.reading() as session:
        launch = launches.get(session, actor().organisation_id, launch_id)
        if not launches.is_editable(launch):
            raise NotFound(
                _("This launch is no longer a draft. Open it from the list of launches.")
            )
        try:
            choice = _choice(launch)
        except Invalid as error:
            return render("sending/outlook.html", problem=error.message)
        plan = compiling.drawing(
            session, launch, link_hosts.base_of(session, system().settings, launch)
        )
        readers = progresses.readers(session, launch, plan, system().clock())
        found = pacing.outlook(session, system(), launch, choice, readers)
        return render("sending/outlook.html", outlook=found, readers=readers)


def _choice(launch: Launch) -> Choice:
    zone = text("timezone", 64) or launch.timezone
    if zone not in available_timezones():
        raise Invalid(_("Choose a time zone from the list."), field="timezone")
    start = timing_form.start(zone)
    now = system().clock()
    if start is not None and start <= now:
        raise Invalid(_("Choose a time in the future."), field="start_at")
    typed: Timing = timing_form.timing()
    refuse_impossible(typed, start)
    window = Window(typed.hours_from, typed.hours_until, typed.weekdays)
    ends = (start or now) + RUNS_FOR
    return Choice(start, zone, typed.reader_time, window, typed.spread_hours, ends)
