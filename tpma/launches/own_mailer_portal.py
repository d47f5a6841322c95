"""The partner takes its finished mails along, and says how many it sent."""

from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.i18n import language_name
from tpma.launches import own_mailer, service
from tpma.launches.addresses import page_of
from tpma.launches.models import Launch
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, whole
from tpma.web.guards import partner

portal = Blueprint(
    "own_mailer_portal", __name__, url_prefix="/portal/launches", template_folder="templates"
)


@portal.get("/<uuid:launch_id>/own-mailer")
@partner("launch.read")
def show(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _page(session, _mine(session, launch_id), Faults())


def _page(session: Session, launch: Launch, faults: Faults) -> str:
    chosen = own_mailer.mailer(request.args.get("mailer", own_mailer.MAILERS[0].key))
    locale = request.args.get("locale", launch.primary_locale)
    takeable = launch.state in own_mailer.TAKEABLE and launch.own_mailer
    return render(
        "launches/own_mailer.html",
        launch=launch,
        page_url=_page_url(launch),
        mailers=own_mailer.MAILERS,
        chosen=chosen,
        locale=locale,
        locales=[(tag, language_name(tag)) for tag in launch.frozen_manifest.get("locales", {})],
        mails=own_mailer.mails(session, system().signer, launch, locale, chosen)
        if takeable
        else [],
        faults=faults,
        values=request.form,
    )


@portal.get("/<uuid:launch_id>/own-mailer.zip")
@partner("launch.read")
def download(launch_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        launch = _mine(session, launch_id)
        chosen = own_mailer.mailer(request.args.get("mailer", own_mailer.MAILERS[0].key))
        locale = request.args.get("locale", launch.primary_locale)
        taken = own_mailer.mails(session, system().signer, launch, locale, chosen)
        packed = own_mailer.archive(launch, _page_url(launch), taken, chosen)
    response = make_response(packed)
    response.mimetype = "application/zip"
    name = f"{launch.campaign_code}-{locale}.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@portal.post("/<uuid:launch_id>/own-mailer/sent")
@partner("launch.write")
def sent(launch_id: UUID) -> ResponseReturnValue:
    """How many they were, as the partner's mailer says; left empty, it is not known."""
    faults = Faults()
    try:
        with system().db.transaction() as session:
            told = request.form.get("own_sent", "").strip()
            number = whole("own_sent", most=own_mailer.MOST_SENT) if told else None
            own_mailer.set_sent(session, actor(), _mine(session, launch_id), number)
    except Invalid as error:
        faults.add(error)
        with system().db.reading() as session:
            return _page(session, _mine(session, launch_id), faults), 422
    flash(_("Saved."))
    return redirect(url_for(".show", launch_id=launch_id), 303)


def _mine(session: Session, launch_id: UUID) -> Launch:
    return service.get(session, actor().organisation_id, launch_id)


def _page_url(launch: Launch) -> str:
    return page_of(launch, system().settings.base_url)
