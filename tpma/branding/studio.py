"""Reviews: partners' words that wait for the vendor, old beside new, and the answer."""

from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.branding import previews, queries, reports, reviewing, service
from tpma.branding.findings import Finding, errors
from tpma.branding.models import CoBrandedKit, CoBrandedKitState
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.rules import Actor, may
from tpma.kits import queries as kits
from tpma.kits.shown import locale_name
from tpma.partners.queries import assigned_to
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import vendor
from tpma.web.security import framed

studio = Blueprint(
    "branding_studio", __name__, url_prefix="/studio/reviews", template_folder="templates"
)


@studio.record
def _count(state: BlueprintSetupState) -> None:
    """The number beside "Reviews" in the navigation of those who decide."""
    state.app.extensions.setdefault("tpma.waiting", {})["branding_studio.reviews"] = _waiting


def _waiting(who: Actor) -> int:
    if not may(who, "reviews.decide"):
        return 0
    with system().db.reading() as session:
        return queries.count_pending(session, who.organisation_id, assigned_to(who))


@studio.get("/")
@vendor("reviews.read")
def reviews() -> ResponseReturnValue:
    with system().db.reading() as session:
        waiting = queries.pending(session, actor().organisation_id, assigned_to(actor()))
        return render(
            "branding/reviews.html",
            rows=[_row(session, cobranded) for cobranded in waiting],
            now=system().clock(),
        )


def _row(session: Session, cobranded: CoBrandedKit) -> dict[str, object]:
    found = reports.words_report(session, cobranded)
    submitted = cobranded.submitted_at or cobranded.updated_at
    return {
        "cobranded": cobranded,
        "partner": queries.organisation(session, cobranded.tenant_id).trading_name,
        "kit": cobranded.kit_version.kit.title,
        "texts": len(service.to_be_looked_at(session, cobranded, found)),
        "submitted": submitted,
        "due": reviewing.due(submitted),
    }


@studio.get("/<uuid:cobranded_id>")
@vendor("reviews.read")
def show(cobranded_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        found = _theirs(session, cobranded_id)
        return _show(session, found, "", Faults())


def _show(session: Session, cobranded: CoBrandedKit, reason: str, faults: Faults) -> str:
    content = kits.content(session, cobranded.kit_version_id)
    findings = reports.words_report(session, cobranded)
    waiting = service.to_be_looked_at(session, cobranded, findings)
    submitted = cobranded.submitted_at or cobranded.updated_at
    words = queries.customisations(session, cobranded)
    changed = reviewing.changes(content, words, cobranded.approved_values, waiting, findings)
    proofs = _proofs(session, cobranded, {change.locale for change in changed})
    return render(
        "branding/review.html",
        cobranded=cobranded,
        kit=cobranded.kit_version.kit,
        partner=queries.organisation(session, cobranded.tenant_id),
        changes=changed,
        shown=next((c for c in changed if c.kind in ("email", "landing_page")), None),
        findings=findings,
        proofs=proofs,
        fits=not errors(findings),
        submitted=submitted,
        due=reviewing.due(submitted),
        waits=cobranded.state is CoBrandedKitState.PENDING_APPROVAL,
        locale_name=locale_name,
        reason=reason,
        faults=faults,
    )


def _proofs(session: Session, cobranded: CoBrandedKit, locales: set[str]) -> list[Finding]:
    """What a rendering in each changed language lacks of the vendor's own texts."""
    base = system().settings.base_url
    found = [
        previews.proof(previews.scene_of(session, cobranded, locale, base))
        for locale in sorted(locales)
    ]
    return [finding for findings in found for finding in findings]


@studio.get("/<uuid:cobranded_id>/preview/<asset>/<locale>")
@vendor("reviews.read")
def preview(cobranded_id: UUID, asset: str, locale: str) -> ResponseReturnValue:
    """What this partner's readers would get, for a sandboxed frame."""
    with system().db.reading() as session:
        found = _theirs(session, cobranded_id)
        scene = previews.scene_of(session, found, locale, request.url_root.rstrip("/"))
    try:
        return framed(Response(previews.html(scene, asset)))
    except Invalid as fault:
        return framed(Response(render("branding/unrendered.html", message=fault.message)))


@studio.post("/<uuid:cobranded_id>/approve")
@vendor("reviews.decide")
def approve(cobranded_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        found = _theirs(session, cobranded_id)
        service.approve(session, actor(), found)
    flash(_("Approved. The partner can launch with these words."))
    return redirect(url_for(".reviews"), 303)


@studio.post("/<uuid:cobranded_id>/changes")
@vendor("reviews.decide")
def request_changes(cobranded_id: UUID) -> ResponseReturnValue:
    reason = request.form.get("reason", "")
    faults = Faults()
    try:
        with system().db.transaction() as session:
            found = _theirs(session, cobranded_id)
            service.request_changes(session, actor(), found, reason)
    except Invalid as fault:
        faults.add(fault)
    if not faults:
        flash(_("Sent back. The partner sees your note beside the texts."))
        return redirect(url_for(".reviews"), 303)
    with system().db.reading() as session:
        found = _theirs(session, cobranded_id)
        return _show(session, found, reason, faults), 422


def _theirs(session: Session, cobranded_id: UUID) -> CoBrandedKit:
    mine = assigned_to(actor())
    return queries.for_review(session, actor().organisation_id, cobranded_id, mine)
