"""The vendor's deal desk: the queue in its order, and one registration with its facts."""

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import babel_locale
from tpma.core.i18n import gettext as _
from tpma.deals import desk, line, preview, queries, rules, shown
from tpma.deals.models import DealRegistration, DealState
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.kits.neighbours import address
from tpma.partners.queries import assigned_to
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import vendor

studio = Blueprint(
    "deals_studio", __name__, url_prefix="/studio/deals", template_folder="templates"
)

_VIEWS = {
    "open": (DealState.SUBMITTED, DealState.IN_REVIEW, DealState.ACTION_REQUIRED),
    "line": (DealState.QUEUED,),
    "protected": (DealState.APPROVED,),
    "closed": (
        DealState.WON,
        DealState.LOST,
        DealState.REJECTED,
        DealState.EXPIRED,
        DealState.WITHDRAWN,
    ),
}


@studio.record
def _count_waiting(state: BlueprintSetupState) -> None:
    counters = state.app.extensions.setdefault("tpma.waiting", {})
    counters["deals_studio.index"] = _waiting


def _waiting(found: Actor) -> int:
    with system().db.reading() as session:
        return queries.waiting_for_desk(session, found.organisation_id, assigned_to(found))


@studio.get("/")
@vendor("deals.read")
def index() -> ResponseReturnValue:
    view = request.args.get("view", "open")
    view = view if view in _VIEWS else "open"
    with system().db.reading() as session:
        desks = {
            key: queries.desk(session, actor().organisation_id, states, assigned_to(actor()))
            for key, states in _VIEWS.items()
        }
        return render(
            "deals/desk.html",
            rows=desks[view],
            view=view,
            counts={key: len(rows) for key, rows in desks.items()},
            waiting=sum(row.deal.state in rules.WAITING for row in desks["open"]),
            now=system().clock(),
            standing=shown.standing,
        )


@studio.get("/<uuid:deal_id>")
@vendor("deals.read")
def show(deal_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _facts(session, _theirs(session, deal_id), Faults())


def _facts(session: Session, deal: DealRegistration, faults: Faults) -> str:
    consented = deal.lead is not None and deal.lead.share_with_vendor
    return render(
        "deals/facts.html",
        deal=deal,
        partner_company=session.get_one(Organisation, deal.tenant_id),
        contact=deal.contact if consented else None,
        decision_maker=bool(deal.contact.get("decision_maker")),
        place=line.place(session, deal),
        protector=line.protector(session, deal, system().clock()),
        opportunity=queries.opportunity_of(session, deal),
        steps=queries.history(session, deal, deal.vendor_id),
        evidence=shown.evidence(deal),
        days=preview.days_of(session, deal.enrolment_id),
        codes=[(key, _(word)) for key, word in rules.REJECT_CODES.items()],
        did=shown.did,
        short_day=shown.short_day,
        products=shown.products(deal),
        ahead=_shown(session, line.ahead(session, deal)),
        may_approve=line.free(session, deal, system().clock()),
        reason_word=shown.reason_word,
        country=str(babel_locale().territories.get(deal.country, deal.country)),
        may_decide=deal.state in rules.WAITING,
        stages={key: word for key, word, _chance in shown.all_stages()},
        now=system().clock(),
        standing=shown.standing,
        why=queries.approving_rule(session, deal),
        faults=faults,
        values=request.form,
        address=address,
    )


def _shown(session: Session, deal: DealRegistration | None) -> DealRegistration | None:
    """The same, unless it is of a partner somebody else looks after."""
    mine = assigned_to(actor())
    own = deal and queries.is_looked_after(session, deal, mine)
    return deal if own else None


@studio.post("/<uuid:deal_id>/take")
@vendor("deals.decide")
def take(deal_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        desk.take(session, actor(), _theirs(session, deal_id))
    return _back(deal_id)


@studio.post("/<uuid:deal_id>/approve")
@vendor("deals.decide")
def approve(deal_id: UUID) -> ResponseReturnValue:
    try:
        with system().db.transaction() as session:
            deal = _theirs(session, deal_id)
            desk.approve(session, actor(), deal)
    except Conflict as refusal:
        return _again(deal_id, Faults({"": refusal.message})), 409
    flash(_("%(ref)s is approved. The partner is told.", ref=deal.ref))
    return _back(deal_id)


@studio.post("/<uuid:deal_id>/reject")
@vendor("deals.decide")
def reject(deal_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            deal = _theirs(session, deal_id)
            code, reason = request.form.get("code", ""), request.form.get("reason", "")
            desk.reject(session, actor(), deal, code, reason)
    except Invalid as error:
        faults.add(error)
        return _again(deal_id, faults), 422
    flash(_("%(ref)s is declined. The partner reads the reason.", ref=deal.ref))
    return _back(deal_id)


@studio.post("/<uuid:deal_id>/ask")
@vendor("deals.decide")
def ask(deal_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            deal = _theirs(session, deal_id)
            desk.request_info(session, actor(), deal, request.form.get("question", ""))
    except Invalid as error:
        faults.add(error)
        return _again(deal_id, faults), 422
    flash(_("The question is sent. Your clock stands still until the answer."))
    return _back(deal_id)


def _again(deal_id: UUID, faults: Faults) -> str:
    with system().db.reading() as session:
        return _facts(session, _theirs(session, deal_id), faults)


def _back(deal_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("deals_studio.show", deal_id=deal_id), 303)


def _theirs(session: Session, deal_id: UUID) -> DealRegistration:
    return queries.get_for_vendor(session, actor().organisation_id, deal_id, assigned_to(actor()))
