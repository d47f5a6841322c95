"""Causes of holds and pauses, and why letters died, as the operator reads them."""

from tpma.core.i18n import gettext, lazy
from tpma.sending.mailboxes import Mailbox, name_of

_CAUSES = {
    "user": lazy("by the partner"),
    "vendor": lazy("by the vendor"),
    "operator": lazy("by the operator"),
    "bounces": lazy("too many addresses do not exist"),
    "complaints": lazy("too many complaints"),
    "content_refused": lazy("the provider refuses the mail as it is"),
    "identity": lazy("the sending domain lost its DNS records, was stopped, or is not believed"),
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


_VERDICTS = {
    "advance": lazy("went well: one rung up"),
    "hold": lazy("stays on its rung"),
    "halve": lazy("too many complaints or bounces: half as much"),
    "stop": lazy("stopped"),
}


def verdict_words(verdict: str) -> str:
    """What the last active day came to; "" for a domain that has had none."""
    return gettext(_VERDICTS[verdict]) if verdict in _VERDICTS else ""


def mailbox_words(mailbox: Mailbox) -> str:
    """The provider's own name, or the word for all the others."""
    return name_of(mailbox) or gettext("All others")
