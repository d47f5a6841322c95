"""Each figure we report, defined once: name, formula, unit and the arithmetic itself.

Exact arithmetic (Fraction, Money); a figure whose denominator is zero is None and shown as
"n/a", never as 0.
"""

from dataclasses import dataclass
from fractions import Fraction

from tpma.core.i18n import lazy
from tpma.core.money import Money, times


@dataclass(frozen=True, slots=True)
class Metric:
    """`version` grows when the formula changes, so that two reports can be told apart."""

    key: str
    version: int
    name: str
    formula: str
    unit: str


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            "pipeline-to-spend",
            1,
            lazy("Pipeline to spend"),
            lazy("Pipeline of deals this campaign sourced, divided by all spend, whoever paid."),
            "ratio",
        ),
        Metric(
            "cost-per-lead",
            1,
            lazy("Cost per lead"),
            lazy("All spend divided by new leads; duplicates and spam are not leads."),
            "money",
        ),
        Metric(
            "cost-per-accepted-lead",
            1,
            lazy("Cost per accepted lead"),
            lazy("All spend divided by the leads that sales accepted."),
            "money",
        ),
        Metric(
            "pipeline",
            1,
            lazy("Pipeline"),
            lazy(
                "Amounts of the deals this campaign's code sourced, as they were when approved, "
                "whatever their stage now."
            ),
            "money",
        ),
        Metric(
            "spend", 1, lazy("Spend"), lazy("All costs of the campaign, whoever paid."), "money"
        ),
        Metric(
            "leads",
            1,
            lazy("Leads"),
            lazy("People who sent the form, each once; duplicates and spam left out."),
            "count",
        ),
        Metric(
            "acceptance",
            1,
            lazy("Acceptance"),
            lazy("Accepted leads divided by new leads."),
            "percent",
        ),
        Metric(
            "delivery-rate",
            1,
            lazy("Delivered"),
            lazy("Mails a receiving server confirmed, divided by mails the transport took."),
            "percent",
        ),
        Metric(
            "open-rate",
            1,
            lazy("Opened"),
            lazy(
                "Mails opened by a person at least once, divided by delivered. Indicative: "
                "privacy settings of mail apps hide and fake opens."
            ),
            "percent",
        ),
        Metric(
            "click-rate",
            1,
            lazy("Clicked"),
            lazy(
                "Mails in which a person clicked, each once, divided by delivered. Scanners and "
                "bots are kept apart and not counted."
            ),
            "percent",
        ),
        Metric(
            "form-rate",
            1,
            lazy("Form sent"),
            lazy("Forms sent, without spam, divided by mails with a click."),
            "percent",
        ),
        Metric(
            "activation",
            1,
            lazy("Activation"),
            lazy("Partners that started a campaign this quarter, divided by active partners."),
            "percent",
        ),
    )
}


def rate(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def pipeline_to_spend(pipeline: Money, spend: Money) -> Fraction | None:
    """Raises ValueError for two currencies: there is no rate to compare them by."""
    if pipeline.currency != spend.currency:
        raise ValueError("pipeline and spend must be in one currency")
    return rate(pipeline.minor, spend.minor)


def cost_per(spend: Money, number: int) -> Money | None:
    """Spend for each of `number`, rounded once, half-even, to the minor unit."""
    return times(spend, Fraction(1, number)) if number else None
