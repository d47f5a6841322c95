"""A vendor's do-not-contact list: applied to every launch of its kits, shown to no partner."""

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tpma.audiences import suppression_words as words
from tpma.audiences.models import SuppressionScope
from tpma.audiences.suppression_pages import Pages
from tpma.web.guards import vendor

studio = Blueprint("audiences_studio", __name__, url_prefix="/studio", template_folder="templates")
_pages = Pages("audiences_studio", SuppressionScope.VENDOR, words.VendorWords())


@studio.get("/suppressions")
@vendor("blocklist.read")
def suppressions() -> ResponseReturnValue:
    return _pages.index()


@studio.post("/suppressions")
@vendor("blocklist.write")
def add_suppression() -> ResponseReturnValue:
    return _pages.add()


@studio.post("/suppressions/<uuid:suppression_id>/lift")
@vendor("blocklist.write")
def lift_suppression(suppression_id: UUID) -> ResponseReturnValue:
    return _pages.lift(suppression_id)


@studio.post("/suppressions/domains")
@vendor("blocklist.write")
def add_domain() -> ResponseReturnValue:
    return _pages.add_domain()


@studio.post("/suppressions/domains/<uuid:domain_id>/lift")
@vendor("blocklist.write")
def lift_domain(domain_id: UUID) -> ResponseReturnValue:
    return _pages.lift_domain(domain_id)


@studio.post("/suppressions/list")
@vendor("blocklist.write")
def add_suppressions() -> ResponseReturnValue:
    return _pages.upload()


@studio.get("/suppressions/lists/<uuid:list_id>")
@vendor("blocklist.read")
def suppression_list(list_id: UUID) -> ResponseReturnValue:
    return _pages.show(list_id)


@studio.get("/suppressions/lists/<uuid:list_id>/progress")
@vendor("blocklist.read")
def suppression_progress(list_id: UUID) -> ResponseReturnValue:
    return _pages.progress(list_id)


@studio.get("/suppressions/lists/<uuid:list_id>/left-out.csv")
@vendor("blocklist.read")
def suppression_faults(list_id: UUID) -> ResponseReturnValue:
    return _pages.faults(list_id)


@studio.post("/suppressions/lists/<uuid:list_id>/apply")
@vendor("blocklist.write")
def apply_suppressions(list_id: UUID) -> ResponseReturnValue:
    return _pages.apply(list_id)


@studio.post("/suppressions/lists/<uuid:list_id>/undo")
@vendor("blocklist.write")
def undo_suppressions(list_id: UUID) -> ResponseReturnValue:
    return _pages.undo(list_id)


@studio.post("/suppressions/lists/<uuid:list_id>/discard")
@vendor("blocklist.write")
def discard_suppressions(list_id: UUID) -> ResponseReturnValue:
    return _pages.discard(list_id)


@studio.post("/suppressions/opt-in-only")
@vendor("blocklist.write")
def set_opt_in_only() -> ResponseReturnValue:
    return _pages.set_opt_in_only()


@studio.post("/suppressions/tracks-readers")
@vendor("blocklist.write")
def set_tracks_readers() -> ResponseReturnValue:
    return _pages.set_tracks_readers()
