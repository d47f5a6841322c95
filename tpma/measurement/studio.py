"""The vendor's home and reports: counts and companies, never a partner's contacts or leads."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.deals import queries as deals
from tpma.deals.rules import WAITING
from tpma.identity.models import Organisation
from tpma.identity.rules import may
from tpma.kits.neighbours import address
from tpma.measurement import charts, exports, pages, queries, shown, touches
from tpma.measurement.metrics import rate
from tpma.measurement.quarters import quarter_of
from tpma.measurement.queries import Line, Overview
from tpma.measurement.tally import Scope, of_vendor
from tpma.partners.queries import assigned_to
from tpma.web.context import actor, render, system
from tpma.web.guards import vendor

studio = Blueprint(
    "measurement_studio", __name__, url_prefix="/studio", template_folder="templates"
)


@studio.get("/")
@vendor("report.read")
def home() -> ResponseReturnValue:
    now = system().clock()
    with system().db.reading() as session:
        company = session.get_one(Organisation, actor().organisation_id)
        quarter = quarter_of(now, company.timezone)
        lines = queries.lines(session, _scope())
        recent = [line for line in lines if line.started_at and line.started_at >= quarter.start]
        ran = queries.partners_that_ran(lines, quarter.start)
        active = queries.active_partners(session, actor().organisation_id, assigned_to(actor()))
        return render(
            "measurement/home.html",
            company=company,
            quarter=quarter,
            title=_title(lines, len(ran), active),
            activation=rate(len(ran), active),
            active=active,
            ran=ran,
            overview=queries.overview(recent),
            every=queries.overview(lines),
            chart=charts.returns(lines),
            desk=_desk(session),
            as_of=now,
            shown=shown,
            address=address,
        )


def _title(lines: list[Line], ran: int, active: int) -> str:
    """The answer a vendor comes for: who works with the programme."""
    if not active:
        return _("Invite the first partner")
    if not lines:
        return ngettext(
            "%(num)s partner is here; no campaign has run yet",
            "%(num)s partners are here; no campaign has run yet",
            active,
        )
    return ngettext(
        "%(ran)s of %(num)s partner ran a campaign this quarter",
        "%(ran)s of %(num)s partners ran a campaign this quarter",
        active,
        ran=ran,
    )


def _desk(session: Session) -> list[deals.OnDesk]:
    """Registrations that wait, for those who may read them."""
    if not may(actor(), "deals.read"):
        return []
    mine = assigned_to(actor())
    waiting = deals.desk(session, actor().organisation_id, WAITING, mine)
    return [row for row in waiting if row.deal.answer_due_at is not None]


@studio.get("/reports/")
@vendor("report.read")
def index() -> ResponseReturnValue:
    with system().db.reading() as session:
        return render(
            "measurement/studio_index.html",
            overview=_overview(session),
            shown=shown,
            as_of=system().clock(),
        )


def _overview(session: Session) -> Overview:
    return queries.overview(queries.lines(session, _scope()))


@studio.get("/reports/all.csv")
@vendor("report.read")
def listing() -> ResponseReturnValue:
    with system().db.reading() as session:
        rows = exports.listing(_overview(session), vendor=True)
        return pages.csv_answer(rows, "campaigns")


@studio.get("/reports/<code>")
@vendor("report.read")
def show(code: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        scope = _scope()
        launch_id = queries.launch_id_of(session, scope, code)
        seen = queries.launch_funnel(session, scope, launch_id)
        funnel = queries.for_vendor_eyes(seen)
        return render(
            "measurement/studio_show.html",
            funnel=funnel,
            line=funnel.line,
            headline=shown.headline(funnel.line),
            passports=shown.passports(funnel.line, system().clock()),
            chart=charts.funnel(funnel.line),
            deals=queries.deals_started(session, scope, launch_id),
            touches=_touches(session, scope.only(launch_id), funnel.line),
            as_of=system().clock(),
            shown=shown,
            language_of=exports.language_of,
            address=address,
            weighted=pages.weighted,
        )


@studio.get("/reports/<code>/funnel")
@vendor("report.read")
def funnel(code: str) -> ResponseReturnValue:
    """A panel for the launch's own page: how far it has come."""
    with system().db.reading() as session:
        scope = _scope()
        seen = queries.launch_funnel(session, scope, queries.launch_id_of(session, scope, code))
        line = queries.for_vendor_eyes(seen).line
        return render("measurement/funnel.html", line=line, chart=charts.funnel(line))


def _touches(session: Session, scope: Scope, line: Line) -> list[tuple[str, list[str]]]:
    if not line.mails_shown:
        return []
    found = touches.touches(session, scope)
    # A day's clicks may be one person's: the vendor reads the larger steps only.
    return touches.by_day([t for t in found if t.kind not in ("click", "form")])


@studio.get("/reports/<code>.csv")
@vendor("report.read")
def csv(code: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        scope = _scope()
        launch_id = queries.launch_id_of(session, scope, code)
        funnel = queries.for_vendor_eyes(queries.launch_funnel(session, scope, launch_id))
        started = queries.deals_started(session, scope, launch_id)
        return pages.csv_answer(exports.report(funnel, started, [], vendor=True), code)


@studio.get("/reports/<code>.pdf")
@vendor("report.read")
def pdf(code: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        scope = _scope()
        launch_id = queries.launch_id_of(session, scope, code)
        funnel = queries.for_vendor_eyes(queries.launch_funnel(session, scope, launch_id))
        started = queries.deals_started(session, scope, launch_id)
        html = pages.printed(session, funnel, started, actor(), system().clock())
    return pages.pdf_answer(system().pdf, html, code)


def _scope() -> Scope:
    return of_vendor(actor().organisation_id, assigned_to(actor()))
