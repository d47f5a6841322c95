"""The inbox of a partner: who raised a hand, what led to it, accept or decline."""

from datetime import datetime
from typing import Any
from uuid import UUID

from babel.dates import format_skeleton
from flask import Blueprint, flash, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Invalid
from tpma.core.i18n import babel_locale, clock_time, current_zone
from tpma.core.i18n import gettext as _
from tpma.identity import places
from tpma.identity.rules import Actor
from tpma.leads import queries, rules, service
from tpma.leads.models import Lead
from tpma.leads.notices import name_of
from tpma.leads.queries import SIZE, Filter
from tpma.leads.rules import LeadEvent
from tpma.leads.timeline import touches
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import partner

portal = Blueprint(
    "leads_portal", __name__, url_prefix="/portal/leads", template_folder="templates"
)
_LONG = 60  # characters that make an answer something they said


@portal.record
def _count_waiting(setup: BlueprintSetupState) -> None:
    setup.app.extensions.setdefault("tpma.waiting", {})["leads_portal.index"] = _waiting


def _waiting(found: Actor) -> int:
    with system().db.reading() as session:
        return queries.waiting(session, found.organisation_id)


@portal.get("/")
@partner("leads.read")
def index() -> ResponseReturnValue:
    """The list; on a wide screen its first lead is open beside it."""
    with system().db.reading() as session:
        return _inbox(session, None)


@portal.get("/<uuid:lead_id>")
@partner("leads.read")
def show(lead_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _inbox(session, queries.get(session, actor().organisation_id, lead_id))


@portal.post("/<uuid:lead_id>/accept")
@partner("leads.write")
def accept(lead_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        lead = queries.get(session, actor().organisation_id, lead_id, lock=True)
        service.accept(session, actor(), lead)
        flash(_("%(name)s is yours now.", name=name_of(lead)))
    return _back_to(lead_id)


@portal.post("/<uuid:lead_id>/decline")
@partner("leads.write")
def decline(lead_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            lead = queries.get(session, actor().organisation_id, lead_id, lock=True)
            reason, note = request.form.get("reason", ""), request.form.get("note", "")
            service.decline(session, actor(), lead, reason, note)
            flash(_("Declined. You can take it back on the lead's page."))
    except Invalid as error:
        faults.add(error)
        with system().db.reading() as session:
            lead = queries.get(session, actor().organisation_id, lead_id)
            return _inbox(session, lead, faults), 422
    return _back_to(lead_id)


@portal.post("/<uuid:lead_id>/contacted")
@partner("leads.write")
def contacted(lead_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        lead = queries.get(session, actor().organisation_id, lead_id, lock=True)
        service.move(session, actor(), lead, LeadEvent.CONTACT)
    return _back_to(lead_id)


@portal.post("/<uuid:lead_id>/reopen")
@partner("leads.write")
def reopen(lead_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        lead = queries.get(session, actor().organisation_id, lead_id, lock=True)
        service.reopen(session, actor(), lead)
        flash(_("Taken back: %(name)s waits for an answer again.", name=name_of(lead)))
    return _back_to(lead_id)


def _back_to(lead_id: UUID) -> ResponseReturnValue:
    return redirect(url_for(".show", lead_id=lead_id, **_state_of(_filter())), 303)


def _filter() -> Filter:
    show = request.args.get("show", "waiting")
    return Filter(
        show=show if show in ("waiting", "working", "all") else "waiting",
        code=request.args.get("code", "")[:19],
        text=request.args.get("q", "")[:100].strip(),
    )


def _state_of(wanted: Filter) -> dict[str, Any]:
    """The filter as it stands in addresses; what is not set is left out."""
    pairs = {"show": wanted.show, "code": wanted.code, "q": wanted.text}
    return {name: value for name, value in pairs.items() if value}


def _inbox(session: Session, chosen: Lead | None, faults: Faults | None = None) -> str:
    tenant, wanted = actor().organisation_id, _filter()
    found = queries.inbox(session, tenant, wanted, _after())
    leads = found[:SIZE]
    lead = chosen or (leads[0] if leads else None)
    return render(
        "leads/inbox.html",
        leads=leads,
        older=leads[-1].id if len(found) > SIZE else None,
        lead=lead,
        is_chosen=chosen is not None,
        wanted=wanted,
        kept=_state_of(wanted),
        counts=queries.counts(session, tenant),
        codes=queries.codes(session, tenant),
        steps=_steps(leads, lead),
        now=system().clock(),
        standing=_standing,
        name_of=name_of,
        language_name=places.own_name,
        country_name=places.country_name,
        weekday=weekday,
        month_day=month_day,
        faults=faults or Faults(),
        is_declining=bool(faults) or "decline" in request.args,
        **(_details(session, lead) if lead else {}),
    )


def _standing(lead: Lead) -> str:
    return rules.standing(lead.remind_at, lead.due_at, system().clock()).value


def weekday(moment: datetime) -> str:
    """A near moment as people say it: "Thu, Jul 2, 3:00 PM"."""
    local = moment.astimezone(current_zone())
    day = format_skeleton("MMMEd", local, locale=babel_locale())
    return f"{day}, {clock_time(moment)}"


def month_day(moment: datetime) -> str:
    return str(format_skeleton("MMMd", moment.astimezone(current_zone()), locale=babel_locale()))


def _after() -> UUID | None:
    try:
        return UUID(request.args.get("after", ""))
    except ValueError:
        return None


def _steps(leads: list[Lead], lead: Lead | None) -> dict[UUID, str]:
    """Which key leads to which neighbour of the open lead: j the next, k the one before."""
    ids = [one.id for one in leads]
    if lead is None or lead.id not in ids:
        return {ids[0]: "j"} if ids else {}
    at = ids.index(lead.id)
    found = {ids[at + 1]: "j"} if at + 1 < len(ids) else {}
    return found | ({ids[at - 1]: "k"} if at else {})


def _details(session: Session, lead: Lead) -> dict[str, Any]:
    answers = dict(lead.answers)
    said = max(answers.values(), key=len, default="")
    return {
        "said": said if len(said) >= _LONG else "",
        "answers": {label: text for label, text in answers.items() if len(text) < _LONG},
        "boxes": queries.boxes(session, lead),
        "touches": touches(session, lead),
        "repeats": queries.repeats(session, lead),
        "company": queries.company(session, lead),
        "partner_name": actor().organisation_name,
        "vendor_name": queries.vendor_name(session, lead),
        "owner": queries.owner(session, lead),
        "came_by": queries.came_by(session, lead),
        "may_accept": rules.may(lead.state, LeadEvent.ACCEPT),
        "may_decline": rules.may(lead.state, LeadEvent.DECLINE),
        "may_reopen": rules.may(lead.state, LeadEvent.REOPEN),
        "may_contact": rules.may(lead.state, LeadEvent.CONTACT),
        "may_register": rules.may(lead.state, LeadEvent.REGISTER_DEAL),
        "reasons": [(code, _(words)) for code, words in rules.DECLINE_REASONS.items()],
    }
