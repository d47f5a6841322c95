"""The addresses and domains a partner does not write to."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from tpma.audiences import suppression_words as words
from tpma.audiences.models import SuppressionScope
from tpma.audiences.portal.door import portal
from tpma.audiences.suppression_pages import Pages
from tpma.web.guards import partner

_pages = Pages("audiences_portal", SuppressionScope.PARTNER, words.PartnerWords())


@portal.get("/suppressions")
@partner("contacts.read")
def suppressions() -> ResponseReturnValue:
    return _pages.index()


@portal.post("/suppressions")
@partner("contacts.write")
def add_suppression() -> ResponseReturnValue:
    return _pages.add()


@portal.post("/suppressions/<uuid:suppression_id>/lift")
@partner("contacts.write")
def lift_suppression(suppression_id: UUID) -> ResponseReturnValue:
    return _pages.lift(suppression_id)


@portal.post("/suppressions/domains")
@partner("contacts.write")
def add_domain() -> ResponseReturnValue:
    return _pages.add_domain()


@portal.post("/suppressions/domains/<uuid:domain_id>/lift")
@partner("contacts.write")
def lift_domain(domain_id: UUID) -> ResponseReturnValue:
    return _pages.lift_domain(domain_id)


@portal.post("/suppressions/list")
@partner("contacts.write")
def add_suppressions() -> ResponseReturnValue:
    return _pages.upload()


@portal.get("/suppressions/lists/<uuid:list_id>")
@partner("contacts.read")
def suppression_list(list_id: UUID) -> ResponseReturnValue:
    return _pages.show(list_id)


@portal.get("/suppressions/lists/<uuid:list_id>/progress")
@partner("contacts.read")
def suppression_progress(list_id: UUID) -> ResponseReturnValue:
    return _pages.progress(list_id)


@portal.get("/suppressions/lists/<uuid:list_id>/left-out.csv")
@partner("contacts.read")
def suppression_faults(list_id: UUID) -> ResponseReturnValue:
    return _pages.faults(list_id)


@portal.post("/suppressions/lists/<uuid:list_id>/apply")
@partner("contacts.write")
def apply_suppressions(list_id: UUID) -> ResponseReturnValue:
    return _pages.apply(list_id)


@portal.post("/suppressions/lists/<uuid:list_id>/undo")
@partner("contacts.write")
def undo_suppressions(list_id: UUID) -> ResponseReturnValue:
    return _pages.undo(list_id)


@portal.post("/suppressions/lists/<uuid:list_id>/discard")
@partner("contacts.write")
def discard_suppressions(list_id: UUID) -> ResponseReturnValue:
    return _pages.discard(list_id)


@portal.post("/suppressions/opt-in-only")
@partner("contacts.write")
def set_opt_in_only() -> ResponseReturnValue:
    return _pages.set_opt_in_only()


@portal.post("/suppressions/tracks-readers")
@partner("contacts.write")
def set_tracks_readers() -> ResponseReturnValue:
    return _pages.set_tracks_readers()
