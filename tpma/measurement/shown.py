"""Figures in words: headlines, rates, passports. Every text in the reader's language."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from babel.numbers import format_decimal, get_currency_name

from tpma.core import i18n
from tpma.core.i18n import babel_locale, ngettext
from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.launches.models import CostFunder
from tpma.measurement import metrics
from tpma.measurement.metrics import METRICS
from tpma.measurement.queries import Line


def na() -> str:
    """What stands where a figure has no denominator."""
    return _("n/a")


def decimal(value: Fraction, places: int = 2) -> Decimal:
    """A fraction with so many places, rounded half-even."""
    exact = Decimal(value.numerator * 10**places) / Decimal(value.denominator)
    return exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN).scaleb(-places)


def number(value: Fraction | None, places: int = 2) -> str:
    if value is None:
        return na()
    pattern = "#,##0." + "0" * places
    return str(format_decimal(decimal(value, places), format=pattern, locale=babel_locale()))


def ratio(value: Fraction | None) -> str:
    """ "5.25 : 1", kept in this order in a text that runs from right to left."""
    if value is None:
        return na()
    said = f"{number(value)} : 1"
    return f"\u2066{said}\u2069" if i18n.direction() == "rtl" else said


def percent(value: Fraction | None, places: int = 1) -> str:
    return na() if value is None else i18n.percent(decimal(value, places + 2), places)


def money(value: Money | None, *, cents: bool = False) -> str:
    return na() if value is None else i18n.money(value, cents=cents)


def sums(amounts: list[Money]) -> str:
    """Several currencies side by side: "$21,000 · €4,000"; never added up."""
    return " · ".join(money(amount) for amount in amounts) if amounts else na()


def unit_name(currency: str) -> str:
    return str(get_currency_name(currency, count=1, locale=babel_locale()))


def unknown_sent() -> str:
    return _("not known (your own mailer)")


def headline(line: Line) -> str:
    """The result in words: the report's title."""
    tally = line.tally
    if line.ratio is not None and tally.pipeline:
        return _(
            "Every %(unit)s brought %(ratio)s in pipeline",
            unit=unit_name(line.currency),
            ratio=number(line.ratio),
        )
    if tally.pipeline:
        return _("%(pipeline)s in pipeline so far", pipeline=money(line.pipeline))
    if tally.leads:
        return ngettext(
            "%(num)s lead so far, no approved deal yet",
            "%(num)s leads so far, no approved deal yet",
            tally.leads,
            num=i18n.number(tally.leads),
        )
    if tally.sent:
        return ngettext(
            "%(num)s mail is out, no lead yet",
            "%(num)s mails are out, no lead yet",
            tally.sent,
            num=i18n.number(tally.sent),
        )
    if line.own_mailer:
        return ngettext(
            "%(num)s click so far, no lead yet",
            "%(num)s clicks so far, no lead yet",
            tally.hits,
            num=i18n.number(tally.hits),
        )
    return _("Nothing has been sent yet")


@dataclass(frozen=True, slots=True)
class Passport:
    """A figure and where it comes from."""

    key: str
    label: str
    value: str
    small: str
    good: bool  # a goal was reached
    formula: str
    inputs: list[tuple[str, str]]
    result: str
    definition: str
    as_of: datetime


def passports(line: Line, as_of: datetime) -> list[Passport]:
    """The five figures of a report, each with its passport."""
    return [
        _ratio_passport(line, as_of),
        _leads_passport(line, as_of),
        _cost_passport(line, as_of),
        _pipeline_passport(line, as_of),
        _spend_passport(line, as_of),
    ]


def _passport(
    key: str,
    value: str,
    small: str,
    inputs: list[tuple[str, str]],
    result: str,
    as_of: datetime,
    *,
    good: bool = False,
) -> Passport:
    metric = METRICS[key]
    return Passport(
        key=key,
        label=_(metric.name),
        value=value,
        small=small,
        good=good,
        formula=_(metric.formula),
        inputs=inputs,
        result=result,
        definition=f"{metric.key} v{metric.version}",
        as_of=as_of,
    )


def _ratio_passport(line: Line, as_of: datetime) -> Passport:
    pipeline, spend = money(line.pipeline, cents=True), money(line.spend, cents=True)
    missing = line.ratio is None
    small = _("Enter what the campaign cost") if missing else _("All payers counted")
    return _passport(
        "pipeline-to-spend",
        ratio(line.ratio),
        small,
        [(_("Pipeline"), pipeline), (_("Spend"), spend)],
        f"{pipeline} / {spend} = {number(line.ratio)}",
        as_of,
    )


def _leads_passport(line: Line, as_of: datetime) -> Passport:
    tally, goal = line.tally, line.goal_leads
    reached = bool(goal) and tally.leads >= goal
    return _passport(
        "leads",
        i18n.number(tally.leads),
        _goal(i18n.number(goal), reached) if goal else _accepted(line),
        [
            (_("Forms sent"), i18n.number(tally.submissions)),
            (_("Duplicates merged"), i18n.number(tally.duplicates)),
            (_("Accepted"), i18n.number(tally.accepted)),
        ],
        i18n.number(tally.leads),
        as_of,
        good=reached,
    )


def _accepted(line: Line) -> str:
    share = metrics.rate(line.tally.accepted, line.tally.leads)
    return _("%(share)s accepted", share=percent(share))


def _goal(amount: str, reached: bool) -> str:
    if reached:
        return _("Goal %(goal)s, reached", goal=amount)
    return _("Goal %(goal)s", goal=amount)


def _cost_passport(line: Line, as_of: datetime) -> Passport:
    each = metrics.cost_per(line.spend, line.tally.leads) if line.tally.spend else None
    accepted = metrics.cost_per(line.spend, line.tally.accepted) if line.tally.spend else None
    spend = money(line.spend, cents=True)
    return _passport(
        "cost-per-lead",
        money(each, cents=True),
        _("%(cost)s per accepted lead", cost=money(accepted, cents=True)),
        [(_("Spend"), spend), (_("New leads"), i18n.number(line.tally.leads))],
        f"{spend} / {i18n.number(line.tally.leads)} = {money(each, cents=True)}",
        as_of,
    )


def _pipeline_passport(line: Line, as_of: datetime) -> Passport:
    goal = line.goal_pipeline
    reached = goal.minor > 0 and line.tally.pipeline >= goal.minor
    won = _("%(won)s of it won", won=money(line.won_amount))
    return _passport(
        "pipeline",
        money(line.pipeline),
        _goal(money(goal), reached) if goal.minor else won,
        [
            (_("Deals approved"), i18n.number(line.tally.deals)),
            (_("Won"), money(line.won_amount, cents=True)),
        ],
        money(line.pipeline, cents=True),
        as_of,
        good=reached,
    )


def _spend_passport(line: Line, as_of: datetime) -> Passport:
    funded = line.tally.funded
    words = {
        CostFunder.PARTNER: _("Paid by the partner"),
        CostFunder.VENDOR: _("Paid by the vendor"),
        CostFunder.MDF: _("Paid from marketing funds"),
    }
    shares = [
        (word, money(Money(funded[funder], line.currency), cents=True))
        for funder, word in words.items()
        if funder in funded
    ]
    others = line.tally.spend - funded.get(CostFunder.PARTNER, 0)
    share = metrics.rate(others, line.tally.spend)
    return _passport(
        "spend",
        money(line.spend),
        _("%(share)s paid by others", share=percent(share, 0)) if others else "",
        shares,
        money(line.spend, cents=True),
        as_of,
    )
