"""The vendor's own brand: the logo and colour that stand beside every partner's."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.branding import fields, lockup, service, sheet, vendors
from tpma.branding.models import LogoVariant
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import vendor

studio = Blueprint(
    "branding_own", __name__, url_prefix="/studio/brand", template_folder="templates"
)

_VARIANTS = (LogoVariant.PRIMARY, LogoVariant.REVERSED)  # a lockup shows no icon


@studio.get("/")
@vendor("brand.read")
def profile() -> ResponseReturnValue:
    with system().db.reading() as session:
        return _profile(session, None, Faults())


@studio.post("/")
@vendor("brand.write")
def save() -> ResponseReturnValue:
    entered = request.form.get("brand_colour", "")
    try:
        with system().db.transaction() as session:
            service.save_vendor_colour(session, actor(), entered)
    except Invalid as fault:
        with system().db.reading() as session:
            return _profile(session, entered, Faults({"brand_colour": fault.message})), 422
    flash(_("Saved. The next mail, page and document carry it."))
    return redirect(url_for(".profile"), 303)


@studio.post("/logo/<variant>")
@vendor("brand.write")
def logo(variant: str) -> ResponseReturnValue:
    if variant not in _VARIANTS:
        raise NotFound(_("There is no such version of a logo."))
    file = request.files.get("logo")
    data = file.stream.read(lockup.MOST_BYTES + 1) if file else b""
    try:
        with system().db.transaction() as session:
            service.save_vendor_logo(session, actor(), LogoVariant(variant), data)
    except Invalid as fault:
        with system().db.reading() as session:
            return _profile(session, None, Faults({f"logo_{variant}": fault.message})), 422
    flash(_("The logo is in. The next mail, page and document carry it."))
    return redirect(url_for(".profile", _anchor="logo"), 303)


@studio.get("/contrast/<field>")
@vendor("brand.read")
def contrast(field: str) -> ResponseReturnValue:
    """How readable a colour is while it is being chosen; a fragment."""
    try:
        colour = fields.colour(request.args.get(field, ""), field)
    except Invalid as fault:
        return render("branding/contrast.html", reading=None, fault=fault.message)
    return render("branding/contrast.html", reading=sheet.reading(colour) if colour else None)


def _profile(session: Session, entered: str | None, faults: Faults) -> str:
    row = vendors.vendor(session, actor().organisation_id)
    own = vendors.uploaded(session, row.organisation_id)
    chosen = "" if row.brand_colour == vendors.UNCHOSEN else row.brand_colour
    colour = chosen if entered is None else entered
    return render(
        "branding/own.html",
        company=row.organisation,
        tiles=[tile for tile in sheet.tiles(own) if tile.variant in _VARIANTS],
        facts=vendors.logo_facts(session, row, ""),
        edition="-".join([str(row.row_version), *sorted(logo.sha256[:8] for logo in own.values())]),
        has_logo=vendors.has_logo(session, row),
        colour=colour,
        reading=sheet.reading(chosen) if chosen and not faults.get("brand_colour") else None,
        faults=faults,
    )
