"""Kits for vendors: what is published, in which languages, to whom; and how a new one comes in."""

from itertools import groupby
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import day
from tpma.core.i18n import gettext as _
from tpma.identity.models import User
from tpma.identity.queries import people_who_may
from tpma.kits import check, dates, publishing, queries, service, shown
from tpma.kits.faults import Fault
from tpma.kits.intake import LARGEST_KIT
from tpma.kits.models import Kit, KitVersion, KitVersionState
from tpma.kits.neighbours import address
from tpma.kits.reminders import left_words
from tpma.kits.rules import country_name, motion_word, type_word
from tpma.kits.schema import TIERS, TYPES
from tpma.partners.queries import assigned_to, vendor_of
from tpma.partners.rules import tier_words
from tpma.web import forms
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import vendor

studio = Blueprint("kits_studio", __name__, url_prefix="/studio/kits", template_folder="templates")


@studio.get("/")
@vendor("kits.read")
def index() -> ResponseReturnValue:
    with system().db.reading() as session:
        shelves = queries.for_vendor(session, actor().organisation_id)
        contents = {s.kit.id: queries.content(session, s.shown.id) for s in shelves}
        today = dates.today_of(session, actor().organisation_id)
        mine = assigned_to(actor())
        return render(
            "kits/studio/index.html",
            shelves=shelves,
            contents=contents,
            covers=queries.covers(session, [shelf.shown for shelf in shelves]),
            languages={kit: shown.languages(content) for kit, content in contents.items()},
            reach={s.kit.id: queries.reach(session, s.kit, today, mine) for s in shelves},
            ending=dates.ending(session, actor().organisation_id),
            left_words=left_words,
            today=today,
            motion_word=motion_word,
            address=address,
            four_eyes=vendor_of(session, actor().organisation_id).four_eyes,
            publishers=len(people_who_may(session, actor().organisation_id, publishing.PUBLISH)),
        )


@studio.get("/<kit_slug>")
@vendor("kits.read")
def show(kit_slug: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        shelf = queries.get_for_vendor(session, actor().organisation_id, kit_slug)
        return render("kits/studio/show.html", shelf=shelf, **_facts(session, shelf.shown))


@studio.get("/<kit_slug>/versions/<semver>")
@vendor("kits.read")
def version(kit_slug: str, semver: str) -> ResponseReturnValue:
    """A version that passed the check, before anybody sees it, with the button to publish it."""
    with system().db.reading() as session:
        return _version(session, kit_slug, semver, "", Faults())


@studio.post("/<kit_slug>/versions/<semver>/publish")
@vendor("kits.publish")
def publish(kit_slug: str, semver: str) -> ResponseReturnValue:
    with system().db.transaction() as session:
        found = queries.version_for_vendor(session, actor().organisation_id, kit_slug, semver)
        service.publish_version(session, found, actor())
    flash(_("Version %(semver)s is with your partners.", semver=semver))
    return redirect(url_for(".show", kit_slug=kit_slug), 303)


@studio.get("/<kit_slug>/dates")
@vendor("kits.publish")
def last_day(kit_slug: str) -> ResponseReturnValue:
    """Until when the kit may be launched, and what to do about its end."""
    with system().db.reading() as session:
        return _dates(session, kit_slug, Faults())


@studio.post("/<kit_slug>/dates")
@vendor("kits.publish")
def renew(kit_slug: str) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            kit = queries.get_for_vendor(session, actor().organisation_id, kit_slug).kit
            dates.renew(session, actor(), kit, forms.day("last_day"))
            told = _("%(kit)s can be launched until %(day)s.", kit=kit.title, day=_long(kit))
    except Invalid as error:
        faults.add(error)
        with system().db.reading() as session:
            return _dates(session, kit_slug, faults), 422
    flash(told)
    return redirect(url_for(".show", kit_slug=kit_slug), 303)


@studio.post("/<kit_slug>/archive")
@vendor("kits.publish")
def archive(kit_slug: str) -> ResponseReturnValue:
    with system().db.transaction() as session:
        kit = queries.get_for_vendor(session, actor().organisation_id, kit_slug).kit
        dates.archive(session, actor(), kit)
        told = _("%(kit)s is archived. Nobody can launch it, its pages are closed.", kit=kit.title)
    flash(told)
    return redirect(url_for(".show", kit_slug=kit_slug), 303)


def _long(kit: Kit) -> str:
    return day(kit.retires_on, "long") if kit.retires_on else ""


def _dates(session: Session, kit_slug: str, faults: Faults) -> str:
    shelf = queries.get_for_vendor(session, actor().organisation_id, kit_slug)
    today = dates.today_of(session, actor().organisation_id)
    ends = shelf.kit.retires_on
    return render(
        "kits/studio/dates.html",
        shelf=shelf,
        is_over=dates.is_over_kit(session, shelf.kit),
        left=left_words((ends - today).days) if ends and ends >= today else "",
        today=today,
        faults=faults,
        typed=request.form.get("last_day", ""),
        address=address,
    )


@studio.post("/<kit_slug>/versions/<semver>/submit")
@vendor("kits.publish")
def submit(kit_slug: str, semver: str) -> ResponseReturnValue:
    with system().db.transaction() as session:
        found = queries.version_for_vendor(session, actor().organisation_id, kit_slug, semver)
        service.submit(session, actor(), found)
    flash(_("Version %(semver)s waits for a review.", semver=semver))
    return redirect(url_for(".version", kit_slug=kit_slug, semver=semver), 303)


@studio.post("/<kit_slug>/versions/<semver>/reject")
@vendor("kits.publish")
def reject(kit_slug: str, semver: str) -> ResponseReturnValue:
    """Back to whoever made it, with what has to change."""
    said = request.form.get("reason", "")
    try:
        with system().db.transaction() as session:
            found = queries.version_for_vendor(session, actor().organisation_id, kit_slug, semver)
            service.reject(session, actor(), found, said)
    except Invalid as fault:
        with system().db.reading() as session:
            return _version(session, kit_slug, semver, said, Faults({"reason": fault.message})), 422
    flash(_("Version %(semver)s is a draft again, with your note.", semver=semver))
    return redirect(url_for(".version", kit_slug=kit_slug, semver=semver), 303)


@studio.post("/four-eyes")
@vendor("team.write")
def four_eyes() -> ResponseReturnValue:
    """Whether a second person publishes; asked for by the company's admin."""
    with system().db.transaction() as session:
        service.set_four_eyes(session, actor(), request.form.get("wanted") == "1")
    flash(_("Saved. It counts from the next version on."))
    return redirect(url_for(".index"), 303)


@studio.get("/upload")
@vendor("kits.publish")
def upload() -> ResponseReturnValue:
    return render("kits/studio/upload.html", files={}, count=0, name="", said="")


@studio.post("/upload")
@vendor("kits.publish")
def receive() -> ResponseReturnValue:
    """Check an uploaded kit; keep it as a draft if nothing is wrong with it."""
    sent = request.files.get("kit")
    name = (sent.filename or "")[:120] if sent else ""
    data = sent.stream.read(LARGEST_KIT + 1) if sent else b""
    if not data or len(data) > LARGEST_KIT:
        return _refused([], name, _("Choose the zip of a kit, at most 20 MB."))
    reading = check.archive(data)
    if reading.content is None or reading.faults:
        return _refused(reading.faults, name)
    try:
        with system().db.transaction() as session:
            tenant = actor().organisation_id
            draft = service.save_draft(session, tenant, reading.content, reading.files, actor())
            slug, semver = reading.content.slug, draft.semver
    except (Conflict, Invalid) as refusal:
        return _refused([], name, refusal.message)
    return redirect(url_for(".version", kit_slug=slug, semver=semver), 303)


def _refused(faults: list[Fault], name: str, said: str = "") -> ResponseReturnValue:
    """The form again: every fault by its file, or the one reason why nothing was read."""
    files = {file: list(found) for file, found in groupby(faults, key=lambda fault: fault.file)}
    page = render("kits/studio/upload.html", files=files, count=len(faults), name=name, said=said)
    return page, 422


def _version(session: Session, kit_slug: str, semver: str, reason: str, faults: Faults) -> str:
    shelf = queries.get_for_vendor(session, actor().organisation_id, kit_slug)
    found = queries.version_for_vendor(session, actor().organisation_id, kit_slug, semver)
    return render(
        "kits/studio/version.html",
        shelf=shelf,
        reason=reason,
        faults=faults,
        in_review=found.state is KitVersionState.IN_REVIEW,
        needs_others=publishing.needs_others(session, actor().user_id, found),
        sent_by=session.get(User, found.submitted_by_id) if found.submitted_by_id else None,
        **_facts(session, found),
    )


def _facts(session: Session, version: KitVersion) -> dict[str, Any]:
    """What the pages of one version show."""
    content = queries.content(session, version.id)
    kit = version.kit
    return {
        "version": version,
        "content": content,
        "cover": _cover(session, version),
        "languages": shown.languages(content),
        "matrix": shown.matrix(content),
        "parts": shown.parts(content),
        "is_right_to_left": shown.is_right_to_left,
        "motion": motion_word(content.motion),
        "tiers": shown.entitled(content.tiers, TIERS, tier_words),
        "types": shown.entitled(content.types, TYPES, type_word),
        "families": ", ".join(map(shown.family_word, content.product_families)),
        "allow": [country_name(code) for code in content.allow],
        "deny": [country_name(code) for code in content.deny],
        "reach": queries.reach(
            session, kit, dates.today_of(session, kit.tenant_id), assigned_to(actor())
        ),
        "is_over": dates.is_over_kit(session, kit),
        "publishable": version.state is KitVersionState.VALIDATED,
        "address": address,
    }


def _cover(session: Session, version: KitVersion) -> str:
    """The library picture; a draft's is not served to the public, so it has none yet."""
    if version.state in (KitVersionState.VALIDATED, KitVersionState.IN_REVIEW):
        return ""
    return queries.covers(session, [version]).get(version.id, "")
