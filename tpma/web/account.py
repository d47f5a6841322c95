"""Sign in and out, accept an invitation, recover a password, change one's own settings."""

from flask import Blueprint, Response, flash, g, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from tpma.core import i18n
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import email_address
from tpma.identity import credentials, places, service
from tpma.identity.models import User
from tpma.web import session as sessions
from tpma.web.context import actor, maybe_actor, render, system
from tpma.web.forms import Faults, choice, identifier, safe_next, text
from tpma.web.guards import public, signed_in
from tpma.web.security import limiter
from tpma.web.shell import home_of

account = Blueprint("account", __name__)

# What one address may try; the pause of `credentials` counts by account on top.
_TRIES = "30 per minute; 300 per hour"
_MAILS = "10 per hour"


@account.after_request
def keep_links_here(response: Response) -> Response:
    """The secret in the address of a mailed link never leaves in a Referer header."""
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@account.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    if maybe_actor() is not None:
        return redirect(safe_next(request.args.get("next"), home()), 303)
    return render("account/sign_in.html", values={}, faults=Faults())


@account.post("/sign-in")
@public
@limiter.limit(_TRIES)
def enter() -> ResponseReturnValue:
    faults = Faults()
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        sessions.begin(credentials.sign_in(system().db, email, password))
    except Invalid as error:
        faults.add(error)
        return render("account/sign_in.html", values={"email": email}, faults=faults), 422
    return redirect(_after_sign_in(), 303)


def _after_sign_in() -> str:
    """Where to go on; a person without a workspace can only answer an invitation."""
    wanted = safe_next(request.args.get("next"), "")
    if maybe_actor() is not None:
        return wanted or home()
    return wanted if wanted.startswith("/invitation/") else url_for(".nowhere")


def home() -> str:
    return url_for(home_of(actor().kind))


@account.get("/no-workspace")
@public
def nowhere() -> ResponseReturnValue:
    return render("account/nowhere.html")


@account.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    sessions.end()
    flash(_("You are signed out."))
    return redirect(url_for(".sign_in"), 303)


@account.post("/switch")
@signed_in
def switch() -> ResponseReturnValue:
    sessions.switch(identifier("membership"), identifier("enrolment"))
    return redirect(home(), 303)


@account.get("/recover")
@public
def recover() -> ResponseReturnValue:
    return render("account/recover.html", values=request.args, faults=Faults(), sent_to="")


@account.post("/recover")
@public
@limiter.limit(_MAILS)
@limiter.limit("5 per hour", key_func=lambda: "to:" + request.form.get("email", "").casefold())
def recovering() -> ResponseReturnValue:
    """The same answer for an address we know and one we do not."""
    faults = Faults()
    try:
        shown = email_address(request.form.get("email", "")).shown
    except Invalid as error:
        faults.add(error)
        page = render("account/recover.html", values=request.form, faults=faults, sent_to="")
        return page, 422
    with system().db.transaction() as session:
        credentials.request_recovery(session, shown, system().settings.base_url)
    return render("account/recover.html", values={}, faults=faults, sent_to=shown)


@account.get("/account")
@signed_in
def profile() -> ResponseReturnValue:
    with system().db.reading() as session:
        user = session.get_one(User, actor().user_id)
        return _profile(user, _values_of(user), Faults())


@account.post("/account")
@signed_in
def save_profile() -> ResponseReturnValue:
    faults = Faults()
    with system().db.reading() as session:
        user = session.get_one(User, actor().user_id)
    try:
        with system().db.transaction() as session:
            service.update_profile(
                session,
                session.get_one(User, user.id),
                name=text("name", 120, required=True),
                locale=request.form.get("locale", ""),
                timezone=request.form.get("timezone", ""),
                theme=choice("theme", ("light", "dark")),
            )
    except Invalid as error:
        faults.add(error)
        return _profile(user, request.form, faults), 422
    cookie.pop("lang", None)  # the setting just saved stands above an earlier choice
    flash(_("Saved."))
    return redirect(url_for(".profile"), 303)


@account.post("/account/password")
@signed_in
@limiter.limit(_TRIES)
def change_password() -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            user = session.get_one(User, actor().user_id)
            credentials.change_password(
                session,
                user,
                request.form.get("current", ""),
                request.form.get("password", ""),
                system().settings.base_url,
            )
    except Invalid as error:
        faults.add(error)
        with system().db.reading() as session:
            user = session.get_one(User, actor().user_id)
            return _profile(user, _values_of(user), faults), 422
    sessions.begin(g.actor.user_id, g.actor.membership_id)
    flash(_("Password changed. Every other session has ended."))
    return redirect(url_for(".profile"), 303)


def _values_of(user: User) -> dict[str, str]:
    return {
        "name": user.name,
        "locale": i18n.best_match([user.locale]) or user.locale,
        "timezone": user.timezone,
        "theme": user.theme,
    }


def _profile(user: User, values: object, faults: Faults) -> str:
    shown = [(tag, places.own_name(tag)) for tag in i18n.SHIPPED]
    return render(
        "account/profile.html",
        user=user,
        values=values,
        faults=faults,
        languages_offered=shown,
        zones=places.zones(),
    )
