"""The button "Forget this person" of a contact's page; it reaches leads and deals too."""

from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from tpma.audiences import listings
from tpma.core.i18n import gettext as _
from tpma.deals import erasing
from tpma.web.context import actor, system
from tpma.web.guards import partner

portal = Blueprint("erasing_portal", __name__, url_prefix="/portal/audiences")


@portal.post("/contacts/<uuid:contact_id>/erase")
@partner("contacts.write")
def erase(contact_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        found = listings.contact_of(session, actor().organisation_id, contact_id)
        erased = erasing.erase(session, actor(), found)
    flash(
        _(
            "This person is forgotten, with %(leads)s leads, %(deals)s deals' contact data and "
            "%(mails)s mails. A later import cannot bring them back.",
            leads=erased.leads,
            deals=erased.deals,
            mails=erased.mails,
        )
    )
    return redirect(url_for("audiences_portal.index"), 303)
