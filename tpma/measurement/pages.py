"""What both report doors answer with: a CSV, a printed page, a PDF."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction

from flask import Response
from sqlalchemy.orm import Session

from tpma.core import sheets
from tpma.core.money import Money, times
from tpma.core.sheets import Cell
from tpma.deals.models import Opportunity
from tpma.deals.rules import STAGES
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.launches.models import Launch
from tpma.measurement import charts, exports, shown
from tpma.measurement.queries import Funnel, Started
from tpma.ports.pdf import PdfRenderer
from tpma.web.context import render

_LETTER = ("US", "CA", "MX", "PH", "CL", "CO", "VE", "PR")  # countries that print on Letter


def weighted(opportunity: Opportunity) -> Money:
    """Amount times the probability of its stage."""
    return times(opportunity.amount, Fraction(STAGES[opportunity.stage][1], 100))


def csv_answer(rows: Iterable[list[Cell]], name: str) -> Response:
    answer = Response(sheets.to_csv(rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def pdf_answer(renderer: PdfRenderer, html: str, name: str) -> Response:
    answer = Response(renderer.pdf(html, assets={}), content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return answer


def printed(
    session: Session, funnel: Funnel, deals: Sequence[Started], reader: Actor, now: datetime
) -> str:
    """One page for paper; `funnel` is already what the reader may see."""
    launch = session.get_one(Launch, funnel.line.id)
    company = session.get_one(Organisation, reader.organisation_id)
    return render(
        "measurement/print.html",
        funnel=funnel,
        line=funnel.line,
        vendor=session.get_one(Organisation, launch.vendor_id),
        company=company,
        paper="Letter" if company.country in _LETTER else "A4",
        headline=shown.headline(funnel.line),
        passports=shown.passports(funnel.line, now),
        chart=charts.funnel(funnel.line),
        deals=deals,
        as_of=now,
        shown=shown,
        weighted=weighted,
        language_of=exports.language_of,
        mails=reader.kind != "vendor" or funnel.line.mails_shown,
    )
