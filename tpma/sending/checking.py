"""The wizard's last screen, and the buttons of a launch that runs: what they do to its mails."""

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.i18n import ngettext
from tpma.kits import queries as kits
from tpma.launches import compiling
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.launches.rules import LIVE
from tpma.launches.screens import SCREENS
from tpma.sending import (
    checkup,
    gate,
    gathering,
    left_out,
    marks,
    operating,
    pacing,
    planning,
    regating,
    reports,
    resending,
    schedules,
    service,
    split_words,
)
from tpma.sending import progress as progresses
from tpma.sending.domains import link_hosts, mending
from tpma.sending.rehearsing import service as rehearsals
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults
from tpma.web.guards import partner

checking = Blueprint(
    "sending_check", __name__, url_prefix="/portal/launches", template_folder="templates"
)

_ELSEWHERE = {
    "brand": "branding_portal.profile",
    "kits": "kits_portal.index",
    "contacts": "audiences_portal.index",
    "domains": "sending_domains.index",
}
_CURES = {
    "audience": "launches_portal.audience",
    "message": "launches_portal.message",
    "goal": "launches_portal.goal",
    "time": "launches_portal.time",
    "left_out": "sending_left_out.index",
}


@checking.get("/<uuid:launch_id>/check")
@partner("launch.write")
def check(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = _draft(session, launch_id)
        return _screen(session, launch, service.check(session, system(), launch, actor()))


def _screen(
    session: Session, launch: Launch, report: service.Report, faults: Faults | None = None
) -> str:
    plan = compiling.drawing(
        session, launch, link_hosts.base_of(session, system().settings, launch)
    )
    readers = progresses.readers(session, launch, plan, system().clock())
    choice = pacing.choice_of(launch)
    return render(
        "sending/check.html",
        launch=launch,
        outlook=pacing.outlook(session, system(), launch, choice, readers),
        moment_now=system().clock(),
        kit=launch.kit_version.kit,
        content=kits.content(session, launch.kit_version_id),
        screens=SCREENS,
        here="check",
        close_url=url_for("launches_portal.index"),
        report=report,
        groups=checkup.groups(report),
        ticked=set(request.form.getlist("word")),
        faults=faults or Faults(),
        earlier=reports.history(session, launch),
        changed_words=regating.words_for,
        four_eyes=marks.needs_approval(session, launch.tenant_id),
        cure_url=lambda screen: cure_of(screen, launch.id),
        readers=readers,
        page_url=plan.facts.page_url,
        rehearsal=rehearsals.newest(session, launch),
    )


def cure_of(screen: str, launch_id: UUID) -> str:
    """The page that mends what a finding names."""
    if screen in _CURES:
        return url_for(_CURES[screen], launch_id=launch_id)
    return url_for(_ELSEWHERE[screen])


@checking.post("/<uuid:launch_id>/launch")
@partner("launch.write")
def launch(launch_id: UUID) -> ResponseReturnValue:
    """Launch: warnings taken on, checked once more, frozen, planned and scheduled in one
    transaction. Who has not had the proof yet gets it with it."""
    try:
        with system().db.transaction() as session:
            draft = launches.get(session, actor().organisation_id, launch_id)
            if launches.is_editable(draft):
                _take_on(session, draft)
                service.launch(session, system(), actor(), draft)
    except (Conflict, Invalid) as error:
        faults = Faults()
        faults.add(error if isinstance(error, Invalid) else Invalid(error.message, field="launch"))
        with system().db.reading() as session:
            draft = _draft(session, launch_id)
            found = service.check(session, system(), draft, actor())
            return _screen(session, draft, found, faults), 409
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


def _take_on(session: Session, draft: Launch) -> None:
    """The ticked warnings, by name; and the proof, if nobody asked for it yet."""
    ticked = request.form.getlist("word")
    found = service.check(session, system(), draft, actor())
    if ticked:
        marks.acknowledge(session, actor(), draft, found.gate_hash, found.checks, ticked)
    if not found.to_mend and not draft.own_mailer:
        marks.ensure_proof(session, actor(), draft, found.gate_hash)


@checking.post("/<uuid:launch_id>/proof")
@partner("launch.write")
def proof(launch_id: UUID) -> ResponseReturnValue:
    """Send me a test. The page asks by itself (htmx) once nothing else is red."""
    by_itself = bool(request.headers.get("HX-Request"))
    with system().db.transaction() as session:
        draft = _draft(session, launch_id)
        gate_hash = gate.fingerprint(gathering.parts(session, system(), draft))
        ask = marks.ensure_proof if by_itself else marks.ask_proof
        ask(session, actor(), draft, gate_hash)
        told = marks.proof(session, draft, gate_hash, actor())
    if by_itself:
        return render("sending/proof.html", launch=draft, told=told)
    flash(_("The proof is on its way to %(address)s.", address=told.address))
    return redirect(url_for(".check", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/approve")
@partner("launch.write")
def approve(launch_id: UUID) -> ResponseReturnValue:
    """The second pair of eyes, where the company asks for one."""
    with system().db.transaction() as session:
        draft = _draft(session, launch_id)
        gate_hash = gate.fingerprint(gathering.parts(session, system(), draft))
        marks.approve(session, actor(), draft, gate_hash)
    flash(_("Approved. Whoever prepared it can launch it now."))
    return redirect(url_for(".check", launch_id=launch_id), 303)


@checking.post("/four-eyes")
@partner("team.write")
def four_eyes() -> ResponseReturnValue:
    """Whether launches of this company want a second pair of eyes."""
    needed = request.form.get("needed") == "1"
    with system().db.transaction() as session:
        marks.set_approval(session, actor(), actor().organisation_id, needed)
    flash(_("Saved."))
    return redirect(url_for("launches_portal.index"), 303)


@checking.post("/<uuid:launch_id>/unschedule")
@partner("launch.write")
def unschedule(launch_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        service.unschedule(session, actor(), _mine(session, launch_id))
    flash(_("Taken back. Nothing has left; the draft is as it was."))
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/pause")
@partner("launch.write")
def pause(launch_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        launches.pause(session, actor(), _mine(session, launch_id))
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/resume")
@partner("launch.write")
def resume(launch_id: UUID) -> ResponseReturnValue:
    """What the vendor or the operator paused is theirs to resume."""
    with system().db.transaction() as session:
        found = _mine(session, launch_id)
        if found.paused_cause == "vendor":
            raise Conflict(_("The vendor has paused this launch. Ask your contact there."))
        if found.paused_cause == operating.OPERATOR:
            raise Conflict(_("Those who run this platform have paused this launch. Ask them."))
        mending.refuse_unmended(session, system().settings, found)
        launches.resume(session, actor(), found)
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/stop")
@partner("launch.stop")
def stop(launch_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        dropped = service.stop(session, actor(), _mine(session, launch_id))
    flash(_("Stopped. %(count)s mails will not be sent.", count=dropped))
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.post("/<uuid:launch_id>/resend")
@partner("launch.write")
def resend(launch_id: UUID) -> ResponseReturnValue:
    """Send the unconfirmed mails again; the page said that some may arrive twice."""
    with system().db.transaction() as session:
        again = resending.resend(session, actor(), _mine(session, launch_id))
    flash(
        ngettext(
            "%(num)s mail is on its way again.", "%(num)s mails are on their way again.", again
        )
    )
    return redirect(url_for("launches_portal.show", launch_id=launch_id), 303)


@checking.get("/<uuid:launch_id>/progress")
@partner("launch.read")
def progress(launch_id: UUID) -> ResponseReturnValue:
    """The live panel of a launch; the page asks for it every two seconds while mails leave."""
    with system().db.reading() as session:
        found = _mine(session, launch_id)
        return render(
            "sending/progress.html",
            launch=found,
            **_panel(session, found),
        )


def _panel(session: Session, found: Launch) -> dict[str, Any]:
    reasons = planning.skipped(session, found.id)
    return {
        "now": progresses.of(session, found, system().clock()),
        "moment_now": system().clock(),
        "skipped": progresses.in_words(reasons),
        "named": any(reason in left_out.WORDS for reason in reasons),
        "again": resending.candidates(session, found),
        "waits": progresses.waits(session, found, system()),
        "outlook": pacing.under_way(session, system(), found) if found.state in LIVE else None,
        "mailbox": not system().mail.capabilities.leaves_machine,
        "changed": regating.words_for(regating.changed(session, system(), found)),
        "report": reports.newest(session, found),
        "schedule": schedules.of(session, found),
        "subjects": split_words.of(session, found),
    }


def _mine(session: Session, launch_id: UUID) -> Launch:
    return launches.get(session, actor().organisation_id, launch_id)


def _draft(session: Session, launch_id: UUID) -> Launch:
    found = _mine(session, launch_id)
    if not launches.is_editable(found):
        raise NotFound(_("This launch is no longer a draft. Open it from the list of launches."))
    return found
