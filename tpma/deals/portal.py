"""Deals as a partner works them: one page from a lead, a receipt, a stage."""

from decimal import Decimal
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Invalid
from tpma.core.i18n import babel_locale, number
from tpma.core.i18n import gettext as _
from tpma.core.money import digits
from tpma.deals import preview, queries, rules, service, shown
from tpma.deals.drafts import Answers
from tpma.deals.models import DealRegistration, OpportunityStage
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.kits.neighbours import address
from tpma.leads.models import Lead
from tpma.web import forms
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import partner

portal = Blueprint(
    "deals_portal", __name__, url_prefix="/portal/deals", template_folder="templates"
)


@portal.record
def _count_waiting(state: BlueprintSetupState) -> None:
    counters = state.app.extensions.setdefault("tpma.waiting", {})
    counters["deals_portal.index"] = _waiting


def _waiting(found: Actor) -> int:
    if found.vendor_id is None:
        return 0
    with system().db.reading() as session:
        return queries.waiting_for_partner(session, found.organisation_id, found.vendor_id)


@portal.get("/")
@partner("deals.read")
def index() -> ResponseReturnValue:
    me = actor()
    with system().db.reading() as session:
        deals = queries.for_partner(session, me.organisation_id, _vendor_id(me))
        return render(
            "deals/index.html",
            deals=deals,
            opportunities=queries.opportunities(session, me.organisation_id, _vendor_id(me)),
            summary=shown.summary(deals),
            vendor=session.get_one(Organisation, _vendor_id(me)),
            standing=shown.standing,
            now=system().clock(),
            address=address,
        )


@portal.get("/new/<uuid:lead_id>")
@partner("deals.write")
def new(lead_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        lead = queries.lead_to_register(session, actor().organisation_id, lead_id)
        held = queries.of_lead(session, lead)
        if held is not None:
            return redirect(url_for("deals_portal.show", deal_id=held.id), 303)
        return _form(session, lead, {}, Faults())


@portal.post("/new/<uuid:lead_id>")
@partner("deals.write")
def create(lead_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            lead = queries.lead_to_register(session, actor().organisation_id, lead_id)
            answers = _answers(lead.launch.currency)
            deal = service.register(session, actor(), lead_id, answers)
        return redirect(url_for("deals_portal.show", deal_id=deal.id, new=1), 303)
    except Invalid as error:
        faults.add(error)
    with system().db.reading() as session:
        lead = queries.lead_to_register(session, actor().organisation_id, lead_id)
        return _form(session, lead, dict(request.form), faults), 422


def _answers(currency: str) -> Answers:
    """The form as typed. Raises Invalid with the field."""
    return Answers(
        value=forms.amount("value", currency),
        expected_close=forms.day("close"),
        note=forms.paragraph("note", 1000),
        note_type=forms.choice("note_type", list(rules.EVIDENCE), rules.MEETING_NOTE),
        decision_maker=request.form.get("decision_maker") == "1",
        stage=forms.choice("stage", [s.value for s in rules.STAGES], OpportunityStage.QUALIFIED),
        account_name=request.form.get("account_name"),
        account_domain=request.form.get("account_domain") or None,
    )


def _form(session: Session, lead: Lead, values: dict[str, str], faults: Faults) -> str:
    vendor = session.get_one(Organisation, lead.vendor_id)
    return render(
        "deals/new.html",
        lead=lead,
        known=queries.known(lead),
        checks=preview.before_sending(session, lead),
        promise=preview.promise(session, lead),
        vendor=vendor,
        values=values,
        faults=faults,
        stages=shown.open_stages(),
        kinds=shown.note_kinds(),
        country_name=country_name,
        example=_example(lead.launch.currency),
        address=address,
    )


def country_name(code: str) -> str:
    return str(babel_locale().territories.get(code, code))


def _example(currency: str) -> str:
    """An amount as this reader would type it."""
    return number(Decimal(14000 if digits(currency) else 1400000))


@portal.get("/<uuid:deal_id>")
@partner("deals.read")
def show(deal_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _receipt(session, _mine(session, deal_id), Faults())


def _receipt(session: Session, deal: DealRegistration, faults: Faults) -> str:
    return render(
        "deals/show.html",
        deal=deal,
        opportunity=queries.opportunity_of(session, deal),
        steps=queries.history(session, deal, deal.tenant_id),
        headline=shown.headline(deal, session.get_one(Organisation, deal.vendor_id)),
        vendor=session.get_one(Organisation, deal.vendor_id),
        partner_company=session.get_one(Organisation, deal.tenant_id),
        submitter=shown.submitter(session, deal),
        protection=preview.days_of(session, deal.enrolment_id),
        evidence=shown.evidence(deal),
        stages=shown.all_stages(),
        did=shown.did,
        standing=shown.standing,
        now=system().clock(),
        short_day=shown.short_day,
        products=shown.products(deal),
        faults=faults,
        just_now=request.args.get("new") == "1",
        country_name=country_name,
        address=address,
        reason_word=shown.reason_word,
    )


@portal.post("/<uuid:deal_id>/stage")
@partner("deals.write")
def stage(deal_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        deal = _mine(session, deal_id)
        chosen = OpportunityStage(forms.choice("stage", [s.value for s in rules.STAGES]))
        service.set_stage(session, actor(), deal, chosen)
    flash(_("The stage is saved."))
    return redirect(url_for("deals_portal.show", deal_id=deal_id), 303)


@portal.post("/<uuid:deal_id>/answer")
@partner("deals.write")
def answer(deal_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            said = request.form.get("answer", "")
            service.resubmit(session, actor(), _mine(session, deal_id), said)
        flash(_("Answered. The registration is back in review."))
        return redirect(url_for("deals_portal.show", deal_id=deal_id), 303)
    except Invalid as error:
        faults.add(error)
    with system().db.reading() as session:
        return _receipt(session, _mine(session, deal_id), faults), 422


@portal.post("/<uuid:deal_id>/withdraw")
@partner("deals.write")
def withdraw(deal_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.withdraw(session, actor(), _mine(session, deal_id))
    flash(_("Withdrawn. The lead is yours to work on."))
    return redirect(url_for("deals_portal.show", deal_id=deal_id), 303)


def _mine(session: Session, deal_id: UUID) -> DealRegistration:
    return queries.get_for_partner(session, actor().organisation_id, deal_id)


def _vendor_id(found: Actor) -> UUID:
    """A partner's pages show one vendor at a time; a company without a programme has none."""
    return found.vendor_id or found.organisation_id
