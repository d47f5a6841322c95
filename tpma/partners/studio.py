"""The vendor's partners: the list, one of them, and the invitation of a new one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.identity import places
from tpma.identity.queries import invitations_until
from tpma.identity.service import get_organisation
from tpma.partners import companies, invitations, queries, rules, service
from tpma.partners.invitations import Invitation
from tpma.partners.models import Enrolment, EnrolmentState, PartnerType, Persona
from tpma.rendering import footer
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, asked, choice, identifier, identifiers
from tpma.web.guards import vendor

studio = Blueprint(
    "partners_studio", __name__, url_prefix="/studio/partners", template_folder="templates"
)

TIER_KEYS = [tier.key for tier in rules.TIERS]


@studio.app_template_global("tier_words")
def tier_words(key: str) -> str:
    return rules.tier_words(key)


@studio.get("/")
@vendor("partners.read")
def index() -> ResponseReturnValue:
    return _index(Faults())


def _index(faults: Faults) -> str:
    wanted = _filter()
    mine = queries.assigned_to(actor())
    with system().db.reading() as session:
        return render(
            "partners/index.html",
            enrolments=queries.of_vendor(session, actor().organisation_id, wanted, mine),
            counts=queries.counts(session, actor().organisation_id, mine),
            narrowed=wanted,
            tiers=[(tier.key, rules.tier_words(tier.key)) for tier in rules.TIERS],
            states=[state.value for state in EnrolmentState],
            managers=_managers(session),
            nobody=queries.NOBODY,
            assigned=mine is not None,
            chosen=request.form.getlist("enrolments"),
            faults=faults,
            has_programme=bool(queries.programmes(session, actor().organisation_id)),
        )


def _filter() -> queries.Filter:
    return queries.Filter(
        named=asked("q"),
        tier=asked("tier", 20),
        state=asked("state", 20),
        country=asked("country", 2),
        manager=_asked_manager(),
    )


def _asked_manager() -> str:
    """The id of a user or NOBODY; anything else is no filter."""
    wanted = asked("manager", 36)
    if wanted == queries.NOBODY:
        return wanted
    try:
        return str(UUID(wanted)) if wanted else ""
    except ValueError:
        return ""


@studio.post("/assign")
@vendor("partners.write")
def assign() -> ResponseReturnValue:
    """Hand several partners to one channel manager, who does not do so themselves."""
    if queries.assigned_to(actor()) is not None:
        raise NotFound(_("There is nothing here."))
    faults = Faults()
    try:
        with system().db.transaction() as session:
            chosen = queries.several(session, actor().organisation_id, identifiers("enrolments"))
            moved = service.assign(session, actor(), chosen, _new_manager())
    except Invalid as error:
        faults.add(error)
        return _index(faults), 422
    flash(ngettext("%(num)s partner changed hands.", "%(num)s partners changed hands.", moved))
    return redirect(url_for(".index"), 303)


def _new_manager() -> UUID | None:
    chosen = request.form.get("manager", "")
    if not chosen:
        raise Invalid(_("Choose who looks after them, or nobody."), field="manager")
    return None if chosen == queries.NOBODY else identifier("manager")


@studio.get("/<uuid:enrolment_id>")
@vendor("partners.read")
def show(enrolment_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _show(session, enrolment_id, {}, Faults())


@studio.post("/<uuid:enrolment_id>/tier")
@vendor("partners.write")
def set_tier(enrolment_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        enrolment = _enrolment(session, enrolment_id)
        service.set_tier(session, actor(), enrolment, choice("tier", TIER_KEYS))
        flash(
            _(
                "%(partner)s is %(tier)s now. Its kits follow with its next page.",
                partner=enrolment.partner.trading_name,
                tier=rules.tier_words(enrolment.tier.key),
            )
        )
    return redirect(url_for(".show", enrolment_id=enrolment_id), 303)


@studio.post("/<uuid:enrolment_id>/scope")
@vendor("partners.write")
def set_scope(enrolment_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            enrolment = _enrolment(session, enrolment_id)
            service.set_scope(
                session,
                actor(),
                enrolment,
                territories=companies.codes(request.form.get("territories", "")),
                product_families=companies.families(request.form.get("product_families", "")),
                manager_id=_manager(enrolment),
            )
    except Invalid as error:
        faults.add(error)
        with system().db.reading() as session:
            return _show(session, enrolment_id, request.form, faults), 422
    flash(_("Saved."))
    return redirect(url_for(".show", enrolment_id=enrolment_id), 303)


def _manager(enrolment: Enrolment) -> UUID | None:
    """Who looks after the partner; one's own partners are not given away by a channel manager."""
    mine = queries.assigned_to(actor())
    return enrolment.manager_id if mine else identifier("manager")


@studio.post("/<uuid:enrolment_id>/suspend")
@vendor("partners.write")
def suspend(enrolment_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        enrolment = _enrolment(session, enrolment_id)
        service.suspend(session, actor(), enrolment)
    flash(_("Suspended. Nothing new starts until you reinstate the partner."))
    return redirect(url_for(".show", enrolment_id=enrolment_id), 303)


@studio.post("/<uuid:enrolment_id>/reinstate")
@vendor("partners.write")
def reinstate(enrolment_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.reinstate(session, actor(), _enrolment(session, enrolment_id))
    flash(_("Reinstated. The partner can launch again."))
    return redirect(url_for(".show", enrolment_id=enrolment_id), 303)


@studio.post("/<uuid:enrolment_id>/invite-again")
@vendor("partners.write")
def invite_again(enrolment_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        enrolment = _enrolment(session, enrolment_id)
        invitations.invite_again(session, actor(), enrolment, system().settings.base_url)
    flash(_("A new mail is on its way; the earlier link no longer works."))
    return redirect(url_for(".show", enrolment_id=enrolment_id), 303)


@studio.get("/invite")
@vendor("partners.write")
def new() -> ResponseReturnValue:
    with system().db.reading() as session:
        company = get_organisation(session, actor().organisation_id)
        defaults = asdict(invitations.default_company(company))
        country = request.args.get("country", defaults["country"])
        return _form(session, defaults | {"country": country, "tier": "registered"}, Faults())


@studio.post("/invite")
@vendor("partners.write")
def invite() -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            programme = queries.first_programme(session, actor().organisation_id)
            enrolment, _issued = invitations.invite_partner(
                session, actor(), programme, _entered(), system().settings.base_url
            )
            enrolment_id, name = enrolment.id, enrolment.partner.trading_name
    except (Invalid, Conflict) as error:
        faults[error.field or ""] = error.message
        with system().db.reading() as session:
            return _form(session, request.form, faults), 422
    flash(_("%(partner)s is invited. The link works for 14 days.", partner=name))
    return redirect(url_for(".show", enrolment_id=enrolment_id), 303)


def _entered() -> Invitation:
    form = request.form
    legal = {key: form.get(f"legal_{key}", "") for key in companies.LEGAL_FIELDS}
    plain = [name for name in companies.Company.__dataclass_fields__ if name != "legal"]
    return Invitation(
        company=companies.Company(**{name: form.get(name, "") for name in plain}, legal=legal),
        name=form.get("person_name", ""),
        email=form.get("person_email", ""),
        partner_type=PartnerType(choice("partner_type", [kind.value for kind in PartnerType])),
        persona=Persona(choice("persona", [persona.value for persona in Persona])),
        tier=choice("tier", TIER_KEYS),
        territories=companies.codes(form.get("territories", "")),
        product_families=companies.families(form.get("product_families", "")),
        manager_id=queries.assigned_to(actor()) or identifier("manager"),
    )


def _enrolment(session: Session, enrolment_id: UUID) -> Enrolment:
    return queries.get(session, actor().organisation_id, enrolment_id, queries.assigned_to(actor()))


def _show(session: Session, enrolment_id: UUID, values: Mapping[str, Any], faults: Faults) -> str:
    enrolment = _enrolment(session, enrolment_id)
    invited = queries.invited_member(session, enrolment)
    return render(
        "partners/show.html",
        enrolment=enrolment,
        company=enrolment.partner,
        partner=queries.partner_of(session, enrolment.partner_id),
        invited=invited,
        until=invitations_until(session, [invited.id]).get(invited.id) if invited else None,
        tiers=queries.tiers(session, enrolment.tenant_id, enrolment.programme_id),
        managers=_managers(session),
        legal_names=footer.NAMES,
        assigned=queries.assigned_to(actor()) is not None,
        type_words=rules.type_words,
        persona_words=rules.persona_words,
        country_name=places.country_name,
        own_name=places.own_name,
        answers=_address("leads_studio.answers", enrolment_id),
        values=values,
        faults=faults,
    )


def _address(endpoint: str, enrolment_id: UUID) -> str:
    """A page of a room further on, which this one knows by name only."""
    known = endpoint in current_app.view_functions
    return url_for(endpoint, enrolment_id=enrolment_id) if known else ""


def _form(session: Session, values: Mapping[str, Any], faults: Faults) -> str:
    return render(
        "partners/invite.html",
        values=values,
        faults=faults,
        legal_fields=companies.legal_fields_of(values.get("country", "")),
        countries=places.countries(),
        languages_offered=places.languages(values.get("default_locale", "")),
        types=[(kind.value, rules.type_words(kind)) for kind in PartnerType],
        personas=[(persona.value, rules.persona_words(persona)) for persona in Persona],
        tiers=[(tier.key, rules.tier_words(tier.key)) for tier in rules.TIERS],
        managers=_managers(session),
        assigned=queries.assigned_to(actor()) is not None,
    )


def _managers(session: Session) -> list[tuple[str, str]]:
    found = queries.managers(session, actor().organisation_id)
    return [(str(user.id), user.name) for user in found]
