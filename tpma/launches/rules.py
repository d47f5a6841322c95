"""The life of a launch as a table, and what may not be edited any more."""

from enum import StrEnum

from tpma.core.errors import Conflict
from tpma.core.i18n import gettext as _
from tpma.launches.models import LaunchState

S = LaunchState


class LaunchEvent(StrEnum):
    PREFLIGHT = "preflight"
    EDIT = "edit"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    REGATE = "regate"
    START = "start"
    PAUSE = "pause"
    HOLD = "hold"
    RESUME = "resume"
    FINISH_SENDS = "finish_sends"
    END = "end"
    CANCEL = "cancel"
    ABORT = "abort"
    ARCHIVE = "archive"


# Any pair that is not here is refused with Conflict.
TRANSITIONS: dict[tuple[LaunchState, LaunchEvent], LaunchState] = {
    (S.DRAFT, LaunchEvent.EDIT): S.DRAFT,
    (S.DRAFT, LaunchEvent.PREFLIGHT): S.READY,
    (S.READY, LaunchEvent.EDIT): S.DRAFT,
    (S.READY, LaunchEvent.PREFLIGHT): S.READY,
    (S.READY, LaunchEvent.SCHEDULE): S.SCHEDULED,
    (S.SCHEDULED, LaunchEvent.UNSCHEDULE): S.READY,
    (S.SCHEDULED, LaunchEvent.REGATE): S.DRAFT,  # kit, audience or sender changed since
    (S.SCHEDULED, LaunchEvent.START): S.RUNNING,
    (S.SCHEDULED, LaunchEvent.HOLD): S.PAUSED,  # after a restore: what left is not known
    (S.RUNNING, LaunchEvent.PAUSE): S.PAUSED,
    (S.PAUSED, LaunchEvent.RESUME): S.RUNNING,
    (S.RUNNING, LaunchEvent.FINISH_SENDS): S.COLLECTING,
    (S.COLLECTING, LaunchEvent.END): S.ENDED,
    (S.DRAFT, LaunchEvent.CANCEL): S.CANCELLED,
    (S.READY, LaunchEvent.CANCEL): S.CANCELLED,
    (S.SCHEDULED, LaunchEvent.CANCEL): S.CANCELLED,
    (S.RUNNING, LaunchEvent.ABORT): S.ABORTED,
    (S.PAUSED, LaunchEvent.ABORT): S.ABORTED,
    (S.ENDED, LaunchEvent.ARCHIVE): S.ARCHIVED,
    (S.ABORTED, LaunchEvent.ARCHIVE): S.ARCHIVED,
}

EDITABLE = frozenset({S.DRAFT, S.READY})
LIVE = frozenset({S.SCHEDULED, S.RUNNING, S.PAUSED, S.COLLECTING})
UNDER_WAY = frozenset({S.RUNNING, S.PAUSED, S.COLLECTING})  # started, and not over


def after(state: LaunchState, event: LaunchEvent) -> LaunchState:
    """The state `event` leads to. Raises Conflict, with what can be done instead."""
    try:
        return TRANSITIONS[state, event]
    except KeyError as error:
        raise Conflict(_refusal(state, event)) from error


def _refusal(state: LaunchState, event: LaunchEvent) -> str:
    if event is LaunchEvent.EDIT:
        return _(
            "This launch can no longer be edited (it is %(state)s). Unschedule it first, "
            "or start a new one.",
            state=state.value,
        )
    if event is LaunchEvent.SCHEDULE:
        return _("Only a launch that passed its checks can be scheduled; reload the check page.")
    return _(
        "This cannot be done while the launch is %(state)s. Reload the page.", state=state.value
    )
