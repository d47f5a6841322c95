"""The two links we mail to a person: an invitation to join, a way back to an account.

GET shows what will happen; only POST acts, so a mail scanner that opens a link changes nothing.
"""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import SHIPPED, best_match
from tpma.core.i18n import gettext as _
from tpma.identity import credentials, places, tokens
from tpma.identity.credentials import Newcomer
from tpma.identity.models import (
    AccountToken,
    Membership,
    OrganisationKind,
    TokenKind,
    UserStatus,
)
from tpma.identity.rules import ADMIN
from tpma.identity.tokens import TokenState
from tpma.web import session as sessions
from tpma.web.account import home, keep_links_here
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, identifier
from tpma.web.guards import public
from tpma.web.security import limiter

joining = Blueprint("joining", __name__)
joining.after_request(keep_links_here)

_TRIES = "30 per minute; 300 per hour"


@joining.get("/invitation/<secret>")
@public
def invitation(secret: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        token = tokens.find(session, TokenKind.INVITATION, secret)
        return _invitation(session, token, {}, Faults())


@joining.post("/invitation/<secret>")
@public
@limiter.limit(_TRIES)
def accept(secret: str) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            member = _join(session, secret)
            user_id, joined = member.user_id, member.id
    except (Invalid, Conflict) as error:
        faults[error.field or ""] = error.message
        with system().db.reading() as session:
            token = tokens.find(session, TokenKind.INVITATION, secret)
            return _invitation(session, token, request.form, faults), 422
    sessions.begin(user_id, joined)
    flash(_("Welcome. You are signed in."))
    return redirect(_first_page(), 303)


def _join(session: Session, secret: str) -> Membership:
    token = tokens.find(session, TokenKind.INVITATION, secret)
    newcomer = _newcomer() if token.user.status is UserStatus.INVITED else None
    member = credentials.accept_invitation(session, secret, newcomer, by=sessions.person())
    sessions.downstream().welcome(session, member, identifier("into"))
    return member


def _newcomer() -> Newcomer:
    zone = request.form.get("timezone", "")
    return Newcomer(
        password=request.form.get("password", ""),
        name=request.form.get("name", ""),
        locale=request.form.get("locale", ""),
        timezone=zone if zone in places.zones() else "",  # the browser's word, or the company's
        country=request.form.get("country", ""),
    )


def _first_page() -> str:
    """A partner's first admin goes on to the brand; everybody else goes home."""
    found = actor()
    if found.kind is OrganisationKind.PARTNER and "PA" in found.roles:
        with system().db.reading() as session:
            if sessions.downstream().lacks_brand(session, found.organisation_id):
                return url_for("branding_portal.setup")
    return home()


def _invitation(session: Session, token: AccountToken, values: object, faults: Faults) -> str:
    """The form that fits who opens the link, or why there is none."""
    state = tokens.state_of(token, clock_of(session)())
    member = session.get_one(Membership, token.membership_id)
    if state is not TokenState.USABLE:
        return render("account/stale.html", state=state.value, member=member, recovery=False)
    if token.user.status is UserStatus.INVITED:
        return _newcomers_form(member, values, faults)
    if sessions.person() != token.user_id:
        return render("account/sign_in_first.html", member=member, back=request.path)
    homes = sessions.downstream().homes_for(session, member)
    return render("account/join.html", member=member, homes=homes, faults=faults)


def _newcomers_form(member: Membership, values: object, faults: Faults) -> str:
    company = member.organisation
    admin = ADMIN[company.kind] in member.roles and company.kind is not OrganisationKind.OPERATOR
    offered = places.languages(company.default_locale) if admin else _interface_languages()
    guess = company.default_locale if admin else best_match([member.user.locale]) or "en"
    return render(
        "account/invitation.html",
        member=member,
        company=company,
        admin=admin,
        values=values or {"name": member.user.name, "locale": guess, "country": company.country},
        faults=faults,
        languages_offered=offered,
        countries=places.countries(),
    )


def _interface_languages() -> list[places.Choice]:
    return [(tag, places.own_name(tag)) for tag in SHIPPED]


@joining.get("/reset/<secret>")
@public
def reset(secret: str) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _reset(session, secret, Faults())


@joining.post("/reset/<secret>")
@public
@limiter.limit(_TRIES)
def set_password(secret: str) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            base = system().settings.base_url
            credentials.reset(session, secret, request.form.get("password", ""), base)
    except (Invalid, Conflict) as error:
        faults[error.field or ""] = error.message
        with system().db.reading() as session:
            return _reset(session, secret, faults), 422
    sessions.end()
    flash(_("Password changed. Every session has ended; sign in with the new one."))
    return redirect(url_for("account.sign_in"), 303)


def _reset(session: Session, secret: str, faults: Faults) -> str:
    token = tokens.find(session, TokenKind.RECOVERY, secret)
    state = tokens.state_of(token, clock_of(session)())
    if state is not TokenState.USABLE:
        return render("account/stale.html", state=state.value, member=None, recovery=True)
    return render("account/reset.html", user=token.user, faults=faults)
