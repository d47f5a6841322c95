"""Saved choices among the contacts, with a live count while they are made."""

from uuid import UUID

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.audiences import listings, queries
from tpma.audiences.models import Segment
from tpma.audiences.portal.door import portal, tenant
from tpma.audiences.rules import Definition, definition
from tpma.audiences.segments import delete_segment, save_segment
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import partner

_PARTS = ("countries", "locales", "tags")


@portal.get("/segments/new")
@partner("contacts.write")
def new_segment() -> ResponseReturnValue:
    with system().db.reading() as session:
        return _page(session, None, _sent(request.args), "", Faults())


@portal.get("/segments/<uuid:segment_id>")
@partner("contacts.read")
def segment(segment_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        found = queries.segment_of(session, tenant(), segment_id)
        return _page(session, found, definition(found.definition).to_json(), found.name, Faults())


def _page(
    session: Session,
    found: Segment | None,
    chosen: dict[str, list[str]],
    name: str,
    faults: Faults,
) -> str:
    return render(
        "audiences/segment.html",
        segment=found,
        chosen=chosen,
        name=name,
        facets=_offered(listings.facets(session, tenant()), chosen),
        counts=queries.counts(session, tenant(), _meant(chosen), now=system().clock()),
        faults=faults,
    )


def _offered(facets: listings.Facets, chosen: dict[str, list[str]]) -> dict[str, dict[str, int]]:
    """What can be ticked, with how many have it; also what is ticked though nobody has it now."""
    return {part: dict.fromkeys(chosen[part], 0) | getattr(facets, part) for part in _PARTS}


def _sent(values: object) -> dict[str, list[str]]:
    """The boxes that are ticked, as a definition's JSON."""
    return {part: values.getlist(part) for part in _PARTS}  # type: ignore[attr-defined]


def _meant(chosen: dict[str, list[str]]) -> Definition:
    """What can be counted of a choice; one that makes no sense counts nobody out."""
    try:
        return definition(chosen)
    except Invalid:
        return Definition()


@portal.get("/segments/count")
@partner("contacts.read")
def count_segment() -> ResponseReturnValue:
    """The figures beside the builder, while boxes are ticked."""
    with system().db.reading() as session:
        chosen = _meant(_sent(request.args))
        counts = queries.counts(session, tenant(), chosen, now=system().clock())
        return render("audiences/segment_count.html", counts=counts)


@portal.post("/segments")
@partner("contacts.write")
def create_segment() -> ResponseReturnValue:
    return _saved(None)


@portal.post("/segments/<uuid:segment_id>")
@partner("contacts.write")
def update_segment(segment_id: UUID) -> ResponseReturnValue:
    return _saved(segment_id)


def _saved(segment_id: UUID | None) -> ResponseReturnValue:
    chosen, name = _sent(request.form), request.form.get("name", "")
    try:
        with system().db.transaction() as session:
            found = queries.segment_of(session, tenant(), segment_id) if segment_id else None
            save_segment(session, actor(), tenant(), name, chosen, found)
    except Invalid as error:
        faults = Faults()
        faults.add(error)
        with system().db.reading() as session:
            found = queries.segment_of(session, tenant(), segment_id) if segment_id else None
            return _page(session, found, chosen, name, faults), 422
    flash(_("Segment saved. You can launch to it."))
    return redirect(url_for("audiences_portal.index"), 303)


@portal.post("/segments/<uuid:segment_id>/delete")
@partner("contacts.write")
def remove_segment(segment_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        delete_segment(session, actor(), queries.segment_of(session, tenant(), segment_id))
    flash(_("Segment deleted. Its people are still your contacts."))
    return redirect(url_for("audiences_portal.index"), 303)
