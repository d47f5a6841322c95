"""The partner's launches: the list, the wizard's screens 1 to 4, one launch as it runs.

Screen 5, the check, is `tpma.sending.checking`: it plans the messages.
"""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.audiences import listings
from tpma.audiences import queries as audiences
from tpma.branding import pictures
from tpma.branding import queries as branding
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.i18n import language_name, weekday_names
from tpma.identity.models import Organisation
from tpma.kits import queries as kits
from tpma.kits import sequence
from tpma.kits.rules import day_in
from tpma.launches import (
    addresses,
    compiling,
    jump,
    own_mailer,
    previews,
    queries,
    service,
    steps,
    timing_form,
)
from tpma.launches.drafting import SPREADS
from tpma.launches.models import Launch
from tpma.launches.screens import SCREENS
from tpma.partners import queries as partners
from tpma.partners.models import Enrolment
from tpma.web.context import actor, maybe_actor, render, system
from tpma.web.forms import Faults, amount, whole
from tpma.web.guards import partner
from tpma.web.security import framed

portal = Blueprint(
    "launches_portal", __name__, url_prefix="/portal/launches", template_folder="templates"
)

OWN = "own"  # on the first screen: not a segment, the partner's own mailer


portal.record(jump.register)


@portal.get("/")
@partner("launch.read")
def index() -> ResponseReturnValue:
    wanted = request.args.get("state", "")
    with system().db.reading() as session:
        enrolment = _enrolment(session)
        return render(
            "launches/index.html",
            lines=queries.for_partner(session, actor().organisation_id, enrolment.id, wanted),
            states=queries.states(session, actor().organisation_id, enrolment.id),
            wanted=wanted,
        )


@portal.post("/new/<slug>")
@partner("launch.write")
def create(slug: str) -> ResponseReturnValue:
    """A kit's Launch button: a draft with its code, then the first screen."""
    with system().db.transaction() as session:
        enrolment = _enrolment(session)
        today = day_in(enrolment.vendor.timezone, system().clock())
        _kit, version = kits.get_for_partner(session, enrolment, slug, today)
        launch = service.create(session, actor(), enrolment, version)
        launch_id = launch.id
    return redirect(url_for(".audience", launch_id=launch_id), 303)


@portal.get("/<uuid:launch_id>")
@partner("launch.read")
def show(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = service.get(session, actor().organisation_id, launch_id)
        if service.is_editable(launch):
            return redirect(url_for(SCREENS[launch.step - 1].endpoint, launch_id=launch_id), 303)
        return render(
            "launches/show.html",
            launch=launch,
            content=kits.content(session, launch.kit_version_id),
            kit=launch.kit_version.kit,
            page_url=addresses.page_of(launch, system().settings.base_url),
            coming=steps.coming(launch),
            planned=sequence,
        )


# --- the wizard -----------------------------------------------------------------------------


def _screen(session: Session, launch: Launch, name: str, **values: Any) -> str:
    """One screen of the wizard with what all of them show."""
    launch_kit = launch.kit_version.kit
    return render(
        f"launches/{name}.html",
        launch=launch,
        kit=launch_kit,
        content=kits.content(session, launch.kit_version_id),
        screens=SCREENS,
        here=name,
        close_url=url_for(".index"),
        **values,
    )


def _draft(session: Session, launch_id: UUID) -> Launch:
    launch = service.get(session, actor().organisation_id, launch_id)
    if not service.is_editable(launch):
        raise NotFound(_("This launch is no longer a draft. Open it from the list of launches."))
    return launch


@portal.get("/<uuid:launch_id>/audience")
@partner("launch.write")
def audience(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = _draft(session, launch_id)
        known = OWN if launch.own_mailer else str(launch.segment_id or "")
        chosen = request.args.get("segment", known)
        return _audience(session, launch, chosen, Faults())


def _audience(session: Session, launch: Launch, chosen: str, faults: Faults) -> str:
    tenant = actor().organisation_id
    segment = UUID(chosen) if _is_uuid(chosen) else None
    plan = compiling.readers_drawing(session, launch, system().settings.base_url)
    counted = audiences.counts(session, tenant, segment, launch.vendor_id, now=system().clock())
    unserved = {
        tag: number for tag, number in counted.by_locale.items() if tag and plan.served(tag) is None
    }
    held_back = 0 if launch.accepted_fallback else sum(unserved.values())
    return _screen(
        session,
        launch,
        "audience",
        counted=counted,
        will_receive=counted.writable - held_back,
        segments=listings.segments(session, tenant),
        chosen=chosen,
        own=chosen == OWN,
        unserved=unserved,
        unserved_names=", ".join(language_name(tag) for tag in unserved),
        served={tag: plan.served(tag or launch.primary_locale) for tag in counted.by_locale},
        faults=faults,
    )


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@portal.post("/<uuid:launch_id>/audience")
@partner("launch.write")
def choose_audience(launch_id: UUID) -> ResponseReturnValue:
    chosen = request.form.get("segment", "")
    with system().db.transaction() as session:
        launch = _draft(session, launch_id)
        service.choose_audience(
            session,
            launch,
            UUID(chosen) if _is_uuid(chosen) else None,
            accept_fallback=request.form.get("accept_fallback") == "1",
            own_mailer=chosen == OWN,
        )
    return redirect(url_for(".message", launch_id=launch_id), 303)


@portal.get("/<uuid:launch_id>/message")
@partner("launch.write")
def message(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _message(session, _draft(session, launch_id), request.args, Faults())


def _message(session: Session, launch: Launch, wanted: Any, faults: Faults) -> str:
    content = kits.content(session, launch.kit_version_id)
    plan = compiling.readers_drawing(session, launch, system().settings.base_url)
    asset = wanted.get("asset") or content.mails[0].key
    locale = wanted.get("locale") or launch.primary_locale
    if launch.own_mailer:
        counted = dict.fromkeys(own_mailer.editions(plan), 0)
    else:
        now, segment = system().clock(), launch.segment_id
        found = audiences.counts(session, launch.tenant_id, segment, launch.vendor_id, now=now)
        counted = found.by_locale
    return _screen(
        session,
        launch,
        "message",
        part=asset,
        locale=locale,
        served=plan.served(locale),
        assets=previews.shown_assets(content),
        slots=previews.slots(session, plan, asset, locale),
        own=branding.own_words(session, launch.cobranded_kit, plan.served(locale) or ""),
        locales=previews.locales(plan, counted),
        brand=plan.brand,
        inbox=previews.inbox_line(session, plan, asset, locale),
        typical=previews.typical_name(locale),
        faults=faults,
        values=request.form,
    )


@portal.post("/<uuid:launch_id>/message")
@partner("launch.write")
def save_message(launch_id: UUID) -> ResponseReturnValue:
    """Autosave (htmx, 204) and Continue are the same act with another answer."""
    faults = Faults()
    locale = request.form.get("slot_locale", "")
    words = {k.removeprefix("slot."): v for k, v in request.form.items() if k.startswith("slot.")}
    for name, value in words.items():
        try:
            with system().db.transaction() as session:
                service.word(session, actor(), _draft(session, launch_id), locale, {name: value})
        except Invalid as error:
            faults.add(Invalid(error.message, field=name))
    if faults:
        with system().db.reading() as session:
            page = _message(session, _draft(session, launch_id), request.form, faults)
        return page, 422
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Trigger": "saved"})
    with system().db.transaction() as session:
        service.word(session, actor(), _draft(session, launch_id), locale, {})
    return redirect(url_for(".goal", launch_id=launch_id), 303)


@portal.get("/<uuid:launch_id>/goal")
@partner("launch.write")
def goal(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _screen(session, _draft(session, launch_id), "goal", faults=Faults(), values={})


@portal.post("/<uuid:launch_id>/goal")
@partner("launch.write")
def save_goal(launch_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            launch = _draft(session, launch_id)
            service.set_goal(
                launch,
                whole("goal_leads", most=1_000_000),
                amount("goal_pipeline", launch.currency),
                amount("planned_cost", launch.currency),
            )
    except Invalid as error:
        faults.add(error)
    if faults:
        with system().db.reading() as session:
            launch = _draft(session, launch_id)
            return _screen(session, launch, "goal", faults=faults, values=request.form), 422
    return redirect(url_for(".time", launch_id=launch_id), 303)


@portal.get("/<uuid:launch_id>/time")
@partner("launch.write")
def time(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _time(session, _draft(session, launch_id), Faults(), {})


def _time(session: Session, launch: Launch, faults: Faults, values: Any) -> str:
    partner_org = session.get_one(Organisation, launch.tenant_id)
    zone = launch.timezone
    start = launch.start_at
    return _screen(
        session,
        launch,
        "time",
        faults=faults,
        values=values,
        zones=sorted(available_timezones()),
        weekdays=weekday_names(),
        spreads=SPREADS,
        days=values.getlist("weekday") if "clock" in values else list(launch.weekdays),
        start_text=service.local(start, zone).strftime("%Y-%m-%dT%H:%M") if start else "",
        suggestions=previews.suggested_times(system().clock(), zone, partner_org.country),
        planned=sequence,
        two_subjects=not launch.own_mailer
        and compiling.has_second(session, compiling.drawing(session, launch, "")),
    )


@portal.post("/<uuid:launch_id>/time")
@partner("launch.write")
def save_time(launch_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            launch = _draft(session, launch_id)
            zone = request.form.get("timezone", launch.timezone)
            service.set_sender(
                session,
                launch,
                service.Sender(
                    request.form.get("from_name", ""),
                    request.form.get("reply_to", ""),
                    timing_form.start(zone),
                    zone,
                    timing_form.timing(),
                ),
            )
    except Invalid as error:
        faults.add(error)
    if faults:
        with system().db.reading() as session:
            return _time(session, _draft(session, launch_id), faults, request.form), 422
    return redirect(url_for("sending_check.check", launch_id=launch_id), 303)


@portal.post("/<uuid:launch_id>/discard")
@partner("launch.write")
def discard(launch_id: UUID) -> ResponseReturnValue:
    """Throw a draft away; its code is retired with it."""
    with system().db.transaction() as session:
        service.stop(session, actor(), _draft(session, launch_id))
    flash(_("Draft thrown away. Its campaign code is retired."))
    return redirect(url_for(".index"), 303)


# --- previews: the same renderer that sends -------------------------------------------------


@portal.get("/<uuid:launch_id>/preview/<asset>/<locale>")
@partner("launch.read")
def preview(launch_id: UUID, asset: str, locale: str) -> ResponseReturnValue:
    """A mail or the page as a reader of `locale` gets it; shown in a sandboxed frame."""
    with system().db.reading() as session:
        launch = service.get(session, actor().organisation_id, launch_id)
        # The policy of a frame lets in pictures of the address this page was asked at, no other.
        plan = compiling.drawing(session, launch, request.host_url.rstrip("/"))
        html = previews.html(session, plan, asset, locale, request.args.get("reader", "typical"))
    return framed(make_response(html))


@portal.get("/<uuid:launch_id>/preview/<asset>/<locale>/text")
@partner("launch.read")
def preview_text(launch_id: UUID, asset: str, locale: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = service.get(session, actor().organisation_id, launch_id)
        plan = compiling.readers_drawing(session, launch, system().settings.base_url)
        text = previews.text(session, plan, asset, locale, request.args.get("reader", "typical"))
    response = make_response(text)
    response.mimetype = "text/plain"
    return response


@portal.get("/<uuid:launch_id>/document/<asset>/<locale>.pdf")
@partner("launch.read")
def document(launch_id: UUID, asset: str, locale: str) -> ResponseReturnValue:
    """The co-branded PDF, with the launch's code on it."""
    with system().db.reading() as session:
        launch = service.get(session, actor().organisation_id, launch_id)
        plan = compiling.readers_drawing(session, launch, system().settings.base_url)
        source = previews.document(session, plan, asset, locale)
        shown = pictures.pictures(session, source.assets, plan.facts.base_url)
    response = make_response(system().pdf.pdf(source.html, assets=shown))
    response.mimetype = "application/pdf"
    name = f"{launch.campaign_code}-{asset}-{locale}.pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


@portal.get("/<uuid:launch_id>/qr.svg")
@partner("launch.read")
def qr(launch_id: UUID) -> ResponseReturnValue:
    """The page's address for print: scans count under the same code."""
    with system().db.reading() as session:
        launch = service.get(session, actor().organisation_id, launch_id)
        plan = compiling.readers_drawing(session, launch, system().settings.base_url)
    response = make_response(previews.qr_svg(plan))
    response.mimetype = "image/svg+xml"
    return response


def _enrolment(session: Session) -> Enrolment:
    who = maybe_actor()
    if who is None or who.enrolment_id is None:
        raise NotFound(_("You are not enrolled with a vendor yet."))
    return partners.own(session, who.organisation_id, who.enrolment_id)
