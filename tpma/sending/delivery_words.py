"""Causes of holds and pauses, and why letters died, as the operator reads them."""

from tpma.core.i18n import gettext, lazy

_CAUSES = {
    "user": lazy("by the partner"),
    "vendor": lazy("by the vendor"),
    "operator": lazy("by the operator"),
    "bounces": lazy("too many addresses do not exist"),
    "complaints": lazy("too many complaints"),
    "content_refused": lazy("the provider refuses the mail as it is"),
    "identity": lazy("the sending domain lost its DNS records, or was stopped"),
    "restored": lazy("restored from a backup"),
}
_REASONS = {
    "too_many_requeues": lazy("Came back for three days"),
}


def cause_words(cause: str) -> str:
    """Why a launch is paused; a cause without words is shown as it is."""
    return gettext(_CAUSES[cause]) if cause in _CAUSES else cause


def code_words(reason: str) -> str:
    """Why a letter died: words where we have them, else the code."""
    return gettext(_REASONS[reason]) if reason in _REASONS else reason
