"""The steps of a campaign in words: when a mail leaves, and to whom."""

from typing import Protocol

from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy, ngettext


class Timed(Protocol):
    """A mail of a kit, or a step of a launch."""

    @property
    def day(self) -> int: ...
    @property
    def hours(self) -> int: ...
    @property
    def condition(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def is_triggered(self) -> bool: ...


_WHOM = {
    "none": lazy("To everybody you choose"),
    "clicked": lazy("To those who clicked"),
    "not_clicked": lazy("To those who did not click"),
    "form": lazy("To those who sent the form"),
    "not_form": lazy("To those who did not send the form"),
}


def when(step: Timed) -> str:
    """ "Day 4", "Day 4, 6 h later", "2 days after the click"."""
    if step.is_triggered:
        return _after_deed(step)
    if step.hours:
        return _("Day %(day)s, %(hours)s h later", day=step.day, hours=step.hours)
    return _("Day %(day)s", day=step.day)


def _after_deed(step: Timed) -> str:
    hours = step.day * 24 + step.hours
    form = step.condition == "form"
    if not hours:
        return _("At once after the form") if form else _("At once after the click")
    if step.hours:
        said = ngettext("%(num)s hour", "%(num)s hours", hours)
    else:
        said = ngettext("%(num)s day", "%(num)s days", step.day)
    if form:
        return _("%(time)s after the form", time=said)
    return _("%(time)s after the click", time=said)


def whom(step: Timed) -> str:
    if step.link and step.condition == "clicked":
        return _("To those who clicked “%(link)s”", link=step.link)
    if step.link:
        return _("To those who did not click “%(link)s”", link=step.link)
    return _(_WHOM[step.condition])
