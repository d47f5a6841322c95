"""MDF, goal, dates: what it should bring, what it may cost, and when."""

from collections.abc import Iterable
from datetime import timedelta

from tpma.core.i18n import day, lazy, ngettext
from tpma.core.i18n import gettext as _
from tpma.kits.rules import is_over
from tpma.sending.facts import Facts
from tpma.sending.findings import Said, Severity, amber, green, red, rule, told, unneeded


@rule("MDF-01", Severity.WARNS, lazy("Plan and funds"), "Domain rules 2.5, 2.11")
def funds(facts: Facts) -> Iterable[Said]:
    found = facts.funds
    if found is None:
        yield unneeded(_("Not needed here: no funds are asked for"))
    elif not found.approved or not found.budget_code:
        yield amber(_("No approved plan and budget code stand behind this launch."))
    elif not found.estimate_minor:
        yield amber(_("The plan has no estimate of what it costs."), (_("Enter a cost"), "goal"))
    else:
        yield green(_("Approved, budget code %(code)s", code=found.budget_code))


@rule("GOAL", Severity.BLOCKS, lazy("Goal and money"), "Domain rules 2.5")
def goal(facts: Facts) -> Iterable[Said]:
    """A goal is needed before a launch; money may come later, but the report will ask."""
    if facts.goal_leads < 1:
        yield red(
            _("Say how many leads you hope for: the report compares with it."),
            (_("Set a goal"), "goal"),
            _("The goal is missing"),
        )
    elif facts.planned_cost_minor:
        yield green(
            ngettext(
                "%(num)s lead hoped for, cost planned",
                "%(num)s leads hoped for, cost planned",
                facts.goal_leads,
            )
        )


@rule("MONEY", Severity.TELLS, lazy("No cost planned"), "Domain rules 3.7")
def money(facts: Facts) -> Iterable[Said]:
    if facts.goal_leads >= 1 and not facts.planned_cost_minor:
        yield told(
            _("Without cost there is no cost per lead. You can enter it later."),
            (_("Enter a cost"), "goal"),
        )


@rule("DATES", Severity.BLOCKS, lazy("Dates"), "Domain rules 2.5")
def dates(facts: Facts) -> Iterable[Said]:
    """The start is to come, and the kit lives as long as the launch's first mail."""
    start = facts.start_at or facts.now
    if facts.start_at is not None and facts.start_at <= facts.now:
        yield red(
            _("Choose a new time."),
            (_("Choose a time"), "time"),
            _("The start you chose has passed"),
        )
        return
    if facts.kit_retires and is_over(facts.kit_retires, facts.vendor_zone, start):
        yield red(
            _("It can be launched until %(day)s.", day=day(facts.kit_retires)),
            (_("Choose an earlier time"), "time"),
            _("The kit retires before your start"),
        )
        return
    if facts.kit_retires and facts.kit_retires < (start + timedelta(days=30)).date():
        yield told(
            _("Its pages close after %(day)s.", day=day(facts.kit_retires)),
            title=_("The kit retires soon"),
        )
    yield green(_("Start and end fit the kit"))


RULES = (funds, goal, money, dates)
