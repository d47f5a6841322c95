"""The addresses a partner does not write to."""

from uuid import UUID

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tpma.audiences import importing, listings, service
from tpma.audiences.models import SuppressionReason
from tpma.audiences.portal import words
from tpma.audiences.portal.door import before, folder, portal, tenant
from tpma.audiences.portal.imports import received_file
from tpma.audiences.rules import may_lift
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, text
from tpma.web.guards import partner
from tpma.web.paging import SIZE, page_of


@portal.get("/suppressions")
@partner("contacts.read")
def suppressions() -> ResponseReturnValue:
    return _page(Faults())


def _page(faults: Faults) -> str:
    with system().db.reading() as session:
        rows = listings.suppressions(session, tenant(), before(), SIZE + 1)
        return render(
            "audiences/suppressions.html",
            title=words.suppressed_addresses(listings.suppression_count(session, tenant())),
            page=page_of(rows),
            reasons=words.reason_marks(),
            channels=words.channels(),
            may_lift=may_lift,
            values=request.form,
            faults=faults,
        )


def _refused(error: Invalid) -> ResponseReturnValue:
    faults = Faults()
    faults.add(error)
    return _page(faults), 422


@portal.post("/suppressions")
@partner("contacts.write")
def add_suppression() -> ResponseReturnValue:
    try:
        with system().db.transaction() as session:
            service.suppress(
                session,
                system().signer,
                tenant(),
                request.form.get("email", ""),
                SuppressionReason.MANUAL,
                text("source", 200),
                actor=actor(),
            )
    except Invalid as error:
        return _refused(error)
    flash(_("Nobody here writes to this address any more."))
    return redirect(url_for("audiences_portal.suppressions"), 303)


@portal.post("/suppressions/list")
@partner("contacts.write")
def add_suppressions() -> ResponseReturnValue:
    """A list of people who opted out elsewhere."""
    try:
        received = received_file()
        with system().db.transaction() as session:
            added = importing.suppress_all(
                session, system().signer, actor(), tenant(), received, folder()
            )
    except Invalid as error:
        return _refused(error)
    flash(
        ngettext(
            "%(num)s address added to the list.", "%(num)s addresses added to the list.", added
        )
    )
    return redirect(url_for("audiences_portal.suppressions"), 303)


@portal.post("/suppressions/<uuid:suppression_id>/lift")
@partner("contacts.write")
def lift_suppression(suppression_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        entry = listings.suppression_of(session, tenant(), suppression_id)
        service.lift(session, actor(), entry)
    flash(_("Taken off the list."))
    return redirect(url_for("audiences_portal.suppressions"), 303)
