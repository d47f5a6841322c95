"""A report as rows for a spreadsheet: plain figures, one meaning a column."""

from collections.abc import Iterable, Sequence

from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.core.sheets import Cell
from tpma.launches.models import CostEntry
from tpma.measurement import metrics, privacy, shown
from tpma.measurement.queries import Funnel, Line, Overview, Started


def report(
    funnel: Funnel, deals: Sequence[Started], costs: Sequence[CostEntry], *, vendor: bool
) -> Iterable[list[Cell]]:
    """The whole of one report. For a vendor, `funnel` is what a vendor may see."""
    line = funnel.line
    yield [_("Campaign code"), line.code]
    yield [_("Campaign"), line.name]
    yield [_("Partner"), line.partner]
    yield [_("Currency"), line.currency]
    yield []
    yield [_("Figure"), _("Value")]
    yield from figures(line, mails=line.mails_shown or not vendor)
    yield from _by_language(funnel)
    yield from _deals(deals)
    yield from _costs(costs)


def figures(line: Line, *, mails: bool = True) -> Iterable[list[Cell]]:
    t = line.tally
    if line.own_mailer:
        yield [_("Sent"), shown.unknown_sent() if line.own_sent is None else line.own_sent]
        yield [_("Clicks"), t.hits]
        yield [_("Page views"), t.views]
    elif mails:
        yield [_("Planned mails"), t.planned]
        yield [_("Sent"), t.sent]
        yield [_("Delivered"), t.delivered]
        yield [_("Opened (indicative)"), t.opened]
        yield [_("Clicked, human"), t.clicked]
    yield [_("Forms sent"), t.submissions]
    yield [_("New leads"), t.leads]
    yield [_("Duplicates"), t.duplicates]
    yield [_("Accepted leads"), t.accepted]
    yield [_("Deals registered"), t.registered]
    yield [_("Deals won"), t.won]
    yield [_("Spend"), line.spend.major()]
    yield [_("Pipeline"), line.pipeline.major()]
    yield [_("Won"), line.won_amount.major()]
    yield [_("Cost per lead"), _major(metrics.cost_per(line.spend, t.leads))]
    yield [_("Cost per accepted lead"), _major(metrics.cost_per(line.spend, t.accepted))]
    yield [_("Pipeline to spend"), None if line.ratio is None else shown.decimal(line.ratio)]


def _major(amount: Money | None) -> Cell:
    return None if amount is None else amount.major()


def language_of(key: str) -> str:
    return _("Other languages") if key == privacy.OTHERS else key


def _by_language(funnel: Funnel) -> Iterable[list[Cell]]:
    if not funnel.by_locale:
        return
    yield []
    yield [_("Language"), _("Sent"), _("Delivered"), _("Opened"), _("Clicked"), _("Leads")]
    for row in funnel.by_locale:
        counts: list[Cell] = [row.sent, row.delivered, row.opened, row.clicked, row.leads]
        yield [language_of(row.key), *counts]


def _deals(deals: Sequence[Started]) -> Iterable[list[Cell]]:
    if not deals:
        return
    yield []
    yield [_("Account"), _("Registration"), _("Registered"), _("Stage"), _("Value")]
    for deal in deals:
        opportunity = deal.opportunity
        yield [
            deal.account,
            deal.ref,
            deal.registered_at.date(),
            opportunity.stage.value,
            opportunity.amount.major(),
        ]


def _costs(costs: Sequence[CostEntry]) -> Iterable[list[Cell]]:
    if not costs:
        return
    yield []
    yield [_("Cost"), _("Day"), _("Paid by"), _("Amount"), _("Note"), _("Invoice")]
    for cost in costs:
        amount = Money(cost.amount_minor, cost.currency).major()
        yield [
            cost.category,
            cost.incurred_on,
            cost.funded_by.value,
            amount,
            cost.note,
            cost.invoice_no,
        ]


def listing(overview: Overview, *, vendor: bool) -> Iterable[list[Cell]]:
    """All launches, one row each."""
    yield [
        _("Campaign code"),
        _("Partner"),
        _("Kit"),
        _("Campaign"),
        _("State"),
        _("Currency"),
        _("Sent"),
        _("Delivered"),
        _("Clicked"),
        _("Leads"),
        _("Accepted"),
        _("Deals"),
        _("Won"),
        _("Spend"),
        _("Pipeline"),
        _("Pipeline to spend"),
    ]
    for line in overview.lines:
        yield [*_names(line), *_mails(line, vendor), *_results(line)]


def _names(line: Line) -> list[Cell]:
    return [line.code, line.partner, line.kit, line.name, line.state.value, line.currency]


def _mails(line: Line, vendor: bool) -> list[Cell]:
    t = line.tally
    if line.own_mailer:
        return [line.own_sent, None, t.hits]
    if vendor and not line.mails_shown:
        return [None, None, None]
    return [t.sent, t.delivered, t.clicked]


def _results(line: Line) -> list[Cell]:
    t = line.tally
    return [
        t.leads,
        t.accepted,
        t.deals,
        t.won,
        line.spend.major(),
        line.pipeline.major(),
        None if line.ratio is None else shown.decimal(line.ratio),
    ]
