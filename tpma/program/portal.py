"""The partner's home: what is worth doing now, and why."""

from collections.abc import Collection

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.rules import allowed
from tpma.kits.neighbours import address
from tpma.kits.rules import day_in
from tpma.leads.models import Lead, LeadState
from tpma.measurement import queries as reports
from tpma.measurement import shown
from tpma.measurement.tally import of_partner
from tpma.partners.models import Enrolment
from tpma.partners.queries import own
from tpma.program import queries, rules
from tpma.web.context import actor, render, system
from tpma.web.guards import partner

portal = Blueprint("program_portal", __name__, url_prefix="/portal", template_folder="templates")


@portal.get("/")
@partner("report.read")
def home() -> ResponseReturnValue:
    me, now = actor(), system().clock()
    if me.enrolment_id is None or me.vendor_id is None:
        raise NotFound(_("You are not in a vendor's programme yet."))
    permissions = allowed(me.roles)
    with system().db.reading() as session:
        enrolment = own(session, me.organisation_id, me.enrolment_id)
        campaigns = reports.lines(session, of_partner(me.organisation_id, me.vendor_id))
        shelf = queries.shelf(session, enrolment, day_in(enrolment.vendor.timezone, now))
        facts = queries.facts(session, enrolment, campaigns, shelf, now)
        acts = rules.next_acts(facts, permissions)
        return render(
            "program/home.html",
            title=rules.title(facts, acts, me.name.split(" ")[0]),
            facts=facts,
            acts=acts,
            steps=rules.first_steps(facts),
            kits=[card for card in shelf if card.fits][:3],
            kits_total=len(shelf),
            campaigns=[line for line in campaigns if line.started_at][:3],
            overview=reports.overview(campaigns),
            waiting=_waiting(session, enrolment, permissions),
            vendor=enrolment.vendor,
            manager=enrolment.manager,
            now=now,
            shown=shown,
            address=address,
        )


def _waiting(session: Session, enrolment: Enrolment, permissions: Collection[str]) -> list[Lead]:
    """Leads to answer, for those who may see them."""
    if "leads.read" not in permissions:
        return []
    return queries.leads(session, enrolment, (LeadState.ROUTED,))[:3]
