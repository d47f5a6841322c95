"""Screen 4 as it was typed: when a launch starts, by whose clock, in which hours, how fast.

Read by the screen that saves it and, in `tpma.sending`, by the preview beside it.
"""

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from flask import request

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.launches.drafting import EVERY_DAY, SPREADS, TRIAL_HOURS, TRIAL_SHARE, Timing
from tpma.web.forms import choice, local_moment, whole


def start(zone: str) -> datetime | None:
    """None for "when I press launch"; else a suggested or typed local time."""
    if request.form.get("when", "now") == "now":
        return None
    if zone not in available_timezones():
        raise Invalid(_("Choose a time zone from the list."), field="timezone")
    found = local_moment("start_at", zone)
    if found is None:
        raise Invalid(
            _("Choose a day and an hour, or start when you press Launch."), field="start_at"
        )
    return found.astimezone(ZoneInfo("UTC"))


def timing() -> Timing:
    """Raises Invalid naming the field. What the form does not have is as it was before there
    was a choice: everybody at once, at any hour."""
    if "clock" not in request.form:
        return Timing()
    spread = choice("spread_hours", tuple(str(hours) for hours in SPREADS), "0")
    return Timing(
        reader_time=choice("clock", ("here", "reader"), "here") == "reader",
        hours_from=whole("hours_from", most=23),
        hours_until=whole("hours_until", most=24),
        weekdays="".join(day for day in EVERY_DAY if day in request.form.getlist("weekday")),
        spread_hours=int(spread),
        trial_share=_trial("trial_share", TRIAL_SHARE),
        trial_hours=_trial("trial_hours", TRIAL_HOURS),
    )


def _trial(name: str, bounds: tuple[int, int]) -> int | None:
    """None where the form does not ask: a launch with one subject tries none."""
    return whole(name, least=bounds[0], most=bounds[1]) if name in request.form else None
