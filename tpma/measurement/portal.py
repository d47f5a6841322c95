"""Reports of a partner's campaigns: what each one brought, and what it cost."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.money import Money
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.kits.neighbours import address
from tpma.launches.models import CostFunder, Launch
from tpma.measurement import charts, exports, pages, queries, service, shown, touches
from tpma.measurement.service import CATEGORIES, FUNDERS, Cost
from tpma.measurement.tally import Scope, of_partner
from tpma.sending import split_words
from tpma.web import forms
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import partner

portal = Blueprint(
    "measurement_portal", __name__, url_prefix="/portal/reports", template_folder="templates"
)

_UNDO = "removed_cost"
_UNDO_FOR = timedelta(minutes=10)


@portal.get("/")
@partner("report.read")
def index() -> ResponseReturnValue:
    with system().db.reading() as session:
        overview = queries.overview(queries.lines(session, _scope(actor())))
        return render(
            "measurement/index.html",
            overview=overview,
            shown=shown,
            address=address,
            as_of=system().clock(),
        )


@portal.get("/all.csv")
@partner("report.read")
def listing() -> ResponseReturnValue:
    with system().db.reading() as session:
        overview = queries.overview(queries.lines(session, _scope(actor())))
        return pages.csv_answer(exports.listing(overview, vendor=False), "campaigns")


@portal.get("/<code>")
@partner("report.read")
def show(code: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _report(session, code, Faults())


def _report(session: Session, code: str, faults: Faults) -> str:
    scope = _scope(actor())
    launch_id = queries.launch_id_of(session, scope, code)
    funnel = queries.launch_funnel(session, scope, launch_id)
    return render(
        "measurement/show.html",
        funnel=funnel,
        line=funnel.line,
        headline=shown.headline(funnel.line),
        passports=shown.passports(funnel.line, system().clock()),
        chart=charts.funnel(funnel.line),
        runs=charts.last_runs(funnel.line, queries.lines(session, scope)),
        deals=queries.deals_started(session, scope, launch_id),
        costs=queries.costs(session, actor().organisation_id, launch_id),
        touches=touches.by_day(touches.touches(session, scope.only(launch_id))),
        categories=[(key, _(word)) for key, word in CATEGORIES.items()],
        funders=funders(session, actor()),
        removed=_removed(code),
        today=system().clock().date(),
        as_of=system().clock(),
        values=request.form,
        faults=faults,
        shown=shown,
        language_of=exports.language_of,
        address=address,
        weighted=pages.weighted,
        subjects=split_words.of(session, session.get_one(Launch, launch_id)),
    )


def funders(session: Session, found: Actor) -> list[tuple[str, str]]:
    """Who may have paid, by name where we have one."""
    vendor = session.get(Organisation, found.vendor_id) if found.vendor_id else None
    names = {CostFunder.PARTNER.value: found.organisation_name}
    if vendor is not None:
        names[CostFunder.VENDOR.value] = vendor.trading_name
    return [(key, names.get(key) or _(word)) for key, word in FUNDERS.items()]


@portal.get("/<code>/machines")
@partner("report.read")
def machines(code: str) -> ResponseReturnValue:
    """A panel for the launch's own page: hits of people beside those of machines."""
    with system().db.reading() as session:
        scope = _scope(actor())
        seen = queries.launch_funnel(session, scope, queries.launch_id_of(session, scope, code))
        return render("measurement/machines.html", tally=seen.line.tally)


@portal.get("/<code>.csv")
@partner("report.read")
def csv(code: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        scope = _scope(actor())
        launch_id = queries.launch_id_of(session, scope, code)
        rows = exports.report(
            queries.launch_funnel(session, scope, launch_id),
            queries.deals_started(session, scope, launch_id),
            queries.costs(session, actor().organisation_id, launch_id),
            vendor=False,
        )
        return pages.csv_answer(rows, code)


@portal.get("/<code>.pdf")
@partner("report.read")
def pdf(code: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        scope = _scope(actor())
        launch_id = queries.launch_id_of(session, scope, code)
        html = pages.printed(
            session,
            queries.launch_funnel(session, scope, launch_id),
            queries.deals_started(session, scope, launch_id),
            actor(),
            system().clock(),
        )
    return pages.pdf_answer(system().pdf, html, code)


@portal.post("/<code>/costs")
@partner("cost.write")
def add_cost(code: str) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            launch = service.own_launch(session, actor(), code)
            service.add_cost(session, actor(), code, _cost(launch.currency))
        return _costs_of(code)
    except Invalid as error:
        faults.add(error)
    with system().db.reading() as session:
        return _report(session, code, faults), 422


def _cost(currency: str) -> Cost:
    return Cost(
        category=request.form.get("category", ""),
        amount=forms.amount("amount", currency),
        incurred_on=forms.day("incurred_on"),
        funded_by=request.form.get("funded_by", CostFunder.PARTNER),
        note=forms.text("note", 200),
        invoice_no=forms.text("invoice_no", 60),
    )


@portal.post("/<code>/costs/<uuid:cost_id>/remove")
@partner("cost.write")
def remove_cost(code: str, cost_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        removed = service.remove_cost(session, actor(), code, cost_id)
    cookie[_UNDO] = _kept(code, removed, system().clock())
    return _costs_of(code)


def _kept(code: str, cost: Cost, now: datetime) -> dict[str, Any]:
    """What undo needs, in the signed session: it belongs to this person and fades by itself."""
    return {
        "code": code,
        "until": (now + _UNDO_FOR).isoformat(),
        "category": cost.category,
        "minor": cost.amount.minor,
        "currency": cost.amount.currency,
        "on": cost.incurred_on.isoformat() if cost.incurred_on else "",
        "funded_by": str(cost.funded_by),
        "note": cost.note,
        "invoice_no": cost.invoice_no,
    }


def _removed(code: str) -> Cost | None:
    kept = cookie.get(_UNDO)
    if not kept or kept["code"] != code:
        return None
    if system().clock() > datetime.fromisoformat(kept["until"]):
        return None
    return Cost(
        category=kept["category"],
        amount=Money(kept["minor"], kept["currency"]),
        incurred_on=date.fromisoformat(kept["on"]) if kept["on"] else None,
        funded_by=kept["funded_by"],
        note=kept["note"],
        invoice_no=kept["invoice_no"],
    )


@portal.post("/<code>/costs/undo")
@partner("cost.write")
def undo(code: str) -> ResponseReturnValue:
    removed = _removed(code)
    cookie.pop(_UNDO, None)
    if removed is None:
        with system().db.reading() as session:
            service.own_launch(session, actor(), code)
        flash(_("There is nothing to bring back any more."))
        return _costs_of(code)
    with system().db.transaction() as session:
        service.add_cost(session, actor(), code, removed)
    return _costs_of(code)


def _costs_of(code: str) -> ResponseReturnValue:
    return redirect(url_for("measurement_portal.show", code=code, _anchor="costs"), 303)


def _scope(found: Actor) -> Scope:
    return of_partner(found.organisation_id, found.vendor_id or found.organisation_id)
