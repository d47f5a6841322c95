"""The brand profile, its first set-up, and every part of a kit in the partner's brand."""

from collections.abc import Mapping

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.branding import fields, lockup, pictures, previews, queries, service, sheet
from tpma.branding.models import LogoVariant
from tpma.branding.reports import country_name
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import User
from tpma.kits.rules import day_in
from tpma.partners.queries import own as own_enrolment
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import partner
from tpma.web.security import framed

portal = Blueprint(
    "branding_portal", __name__, url_prefix="/portal/brand", template_folder="templates"
)

_DOORS = {"pdf": ".document", "social_post": ".social"}  # parts that are no frame's
_ASKED_FIRST = ("sender_name", "reply_to", "contact_phone", "privacy_url")


# --- the profile ----------------------------------------------------------------------------


@portal.get("/")
@partner("brand.read")
def profile() -> ResponseReturnValue:
    with system().db.reading() as session:
        return _profile(session, {}, Faults())


@portal.post("/")
@partner("brand.write")
def save() -> ResponseReturnValue:
    entered = request.form.to_dict()
    faults = _faults(entered)
    if not faults:
        mine = actor().organisation_id
        with system().db.transaction() as session:
            service.save_company(session, mine, entered, actor())
            service.save_profile(session, mine, entered, actor())
        flash(_("Saved. The next mail, page and document carry it."))
        return redirect(url_for(".profile"), 303)
    with system().db.reading() as session:
        return _profile(session, entered, faults), 422


def _faults(entered: Mapping[str, str]) -> Faults:
    found = Faults()
    for fault in service.faults(entered):
        found.add(fault)
    return found


def _profile(session: Session, entered: Mapping[str, str], faults: Faults) -> str:
    mine = actor().organisation_id
    brand, company = queries.profile(session, mine), queries.organisation(session, mine)
    findings = service.brand_report(session, mine, _readers())
    return render(
        "branding/profile.html",
        values=sheet.values(brand, company) | dict(entered),
        faults=faults,
        findings=findings,
        title=sheet.title(findings),
        tiles=sheet.tiles(queries.brand_logos(session, mine)),
        facts=queries.facts(session, mine, ""),
        reading=sheet.reading,
        legal=sheet.legal_fields(company, _readers()),
        country=company.country,
        country_name=country_name,
        footer=sheet.printed_footer(queries.company_facts(company, brand), company.default_locale),
        vendor=_vendor_name(session),
    )


def _readers() -> list[str]:
    """Countries of the readers a launch was stopped for: ?readers=CH,DE."""
    asked = request.args.get("readers", "").upper().split(",")
    return [code for code in asked[:20] if len(code) == 2 and code.isalpha()]


def _vendor_name(session: Session) -> str:
    vendor = actor().vendor_id
    return queries.organisation(session, vendor).trading_name if vendor else ""


@portal.post("/logo/<variant>")
@partner("brand.write")
def logo(variant: str) -> ResponseReturnValue:
    if variant not in set(LogoVariant):
        raise NotFound(_("There is no such version of a logo."))
    faults = _take_logo(LogoVariant(variant), _uploaded())
    if not faults:
        flash(_("The logo is in. The next mail, page and document carry it."))
        return redirect(url_for(".profile", _anchor="logo"), 303)
    with system().db.reading() as session:
        return _profile(session, {}, Faults({f"logo_{variant}": faults["logo"]})), 422


def _uploaded() -> bytes:
    """The file, read no further than a logo may be long."""
    file = request.files.get("logo")
    return file.stream.read(lockup.MOST_BYTES + 1) if file else b""


def _take_logo(variant: LogoVariant, data: bytes) -> Faults:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            service.save_logo(session, actor().organisation_id, variant, data, actor())
    except Invalid as fault:
        faults["logo"] = fault.message
    return faults


@portal.get("/contrast/<field>")
@partner("brand.read")
def contrast(field: str) -> ResponseReturnValue:
    """How readable a colour is while it is being chosen; a fragment."""
    try:
        colour = fields.colour(request.args.get(field, ""), field)
    except Invalid as fault:
        return render("branding/contrast.html", reading=None, fault=fault.message)
    return render("branding/contrast.html", reading=sheet.reading(colour) if colour else None)


# --- the first set-up -----------------------------------------------------------------------


@portal.get("/setup")
@partner("brand.write")
def setup() -> ResponseReturnValue:
    with system().db.reading() as session:
        return _setup(session, {}, Faults())


@portal.post("/setup")
@partner("brand.write")
def set_up() -> ResponseReturnValue:
    """Logo first, in a transaction of its own: a wrong telephone number does not lose it."""
    entered = {field: request.form.get(field, "") for field in _ASKED_FIRST}
    faults = _faults(entered)
    for field in _ASKED_FIRST:
        if not entered[field].strip():
            faults[field] = _("Fill this in.")
    data = _uploaded()
    if data or not _has_logo():
        faults.update(_take_logo(LogoVariant.PRIMARY, data))
    if not faults:
        with system().db.transaction() as session:
            service.save_profile(session, actor().organisation_id, entered, actor())
        flash(_("Your brand is in every kit now."))
        return redirect(url_for("shell.start"), 303)
    with system().db.reading() as session:
        return _setup(session, entered, faults), 422


def _has_logo() -> bool:
    with system().db.reading() as session:
        return LogoVariant.PRIMARY in queries.brand_logos(session, actor().organisation_id)


def _setup(session: Session, entered: Mapping[str, str], faults: Faults) -> str:
    mine = actor().organisation_id
    brand, company = queries.profile(session, mine), queries.organisation(session, mine)
    person = session.get_one(User, actor().user_id)
    kept = sheet.values(brand, company)
    first = {
        "sender_name": kept["sender_name"] or person.name,
        "reply_to": kept["reply_to"] or person.email,
    }
    return render(
        "branding/setup.html",
        values=kept | first | dict(entered),
        faults=faults,
        company=company,
        address=queries.address_lines(company),
        country_name=country_name,
        tile=sheet.tiles(queries.brand_logos(session, mine))[0],
        gaps=[one for one in service.brand_report(session, mine) if one.rule == "footer.legal"],
        vendor=_vendor_name(session),
    )


# --- a kit in this brand --------------------------------------------------------------------


def _scene(session: Session, kit_slug: str, locale: str) -> previews.Scene:
    who = actor()
    if who.enrolment_id is None:
        raise NotFound(_("You are not in a vendor's programme yet."))
    enrolment = own_enrolment(session, who.organisation_id, who.enrolment_id)
    today = day_in(enrolment.vendor.timezone, system().clock())
    return previews.scene(session, enrolment, kit_slug, locale, today, _base_url())


def _base_url() -> str:
    """The address this page was asked at: the policy of a frame lets in no other."""
    return request.url_root.rstrip("/")


@portal.get("/preview/<kit_slug>/<asset>/<locale>")
@partner("kits.read")
def preview(kit_slug: str, asset: str, locale: str) -> ResponseReturnValue:
    """The rendered mail or page, for a sandboxed frame. Its width is the frame's."""
    with system().db.reading() as session:
        scene = _scene(session, kit_slug, locale)
    elsewhere = _DOORS.get(scene.asset(asset).kind)
    if elsewhere:
        return redirect(url_for(elsewhere, kit_slug=kit_slug, asset=asset, locale=locale), 303)
    try:
        return _framed(previews.html(scene, asset, request.args.get("reader", "")))
    except Invalid as fault:
        return _framed(render("branding/unrendered.html", message=fault.message))


def _framed(body: str, kind: str = "text/html") -> Response:
    return framed(Response(body, mimetype=kind))


@portal.get("/preview/<kit_slug>/<asset>/<locale>/text")
@partner("kits.read")
def text(kit_slug: str, asset: str, locale: str) -> ResponseReturnValue:
    """The plain-text part of a mail."""
    with system().db.reading() as session:
        scene = _scene(session, kit_slug, locale)
    skeleton = previews.mail(scene, asset)
    reader = previews.reader(scene, request.args.get("reader", ""))
    return _framed(skeleton.text(reader, previews.TOKEN), "text/plain")


@portal.get("/document/<kit_slug>/<asset>/<locale>")
@partner("kits.read")
def document(kit_slug: str, asset: str, locale: str) -> ResponseReturnValue:
    """The data sheet as PDF. It is drawn after the transaction has ended: it takes seconds."""
    with system().db.reading() as session:
        scene = _scene(session, kit_slug, locale)
        source = previews.document(scene, asset)
        shown = pictures.pictures(session, source.assets, _base_url())
    response = Response(system().pdf.pdf(source.html, assets=shown), mimetype="application/pdf")
    name = f"{scene.content.slug}-{asset}-{scene.served}.pdf"
    response.headers.set("Content-Disposition", "inline", filename=name)
    return response


@portal.get("/social/<kit_slug>/<asset>/<locale>")
@partner("kits.read")
def social(kit_slug: str, asset: str, locale: str) -> ResponseReturnValue:
    """A ready post, as plain text."""
    with system().db.reading() as session:
        scene = _scene(session, kit_slug, locale)
    return _framed(previews.post(scene, asset), "text/plain")
