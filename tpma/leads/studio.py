"""What a vendor sees of a partner's leads: how many wait and how many answers are late."""

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tpma.leads import queries
from tpma.partners import queries as partners
from tpma.web.context import actor, render, system
from tpma.web.guards import vendor

studio = Blueprint("leads_studio", __name__, url_prefix="/studio", template_folder="templates")


@studio.get("/partners/<uuid:enrolment_id>/answers")
@vendor("partners.read")
def answers(enrolment_id: UUID) -> ResponseReturnValue:
    """A fragment for the partner's page: counts and campaign codes, nobody's name."""
    mine = partners.assigned_to(actor())
    with system().db.reading() as session:
        enrolment = partners.get(session, actor().organisation_id, enrolment_id, mine)
        return render(
            "leads/answers.html",
            answers=queries.answers(session, enrolment.tenant_id, enrolment.id, system().clock()),
            now=system().clock(),
        )
