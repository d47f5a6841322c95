"""Who is signed in: Flask-Login keeps the person, the signed cookie their place.

A session is good for one `session_epoch` of its user and ends after twelve hours without a
request. Membership, roles and the vendor in view are looked up again for every request, so
taking one away takes effect at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Flask, current_app, g, request
from flask import session as cookie
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity import queries
from tpma.identity.models import Membership, Organisation, User
from tpma.identity.queries import PlacesOf, Workspace
from tpma.identity.rules import Actor
from tpma.web.context import maybe_actor, system


@dataclass(frozen=True, slots=True)
class Downstream:
    """What sign-in asks of rooms the shell may not import; `tpma.app` hands it over."""

    places_of: PlacesOf
    homes_for: Callable[[Session, Membership], Sequence[Organisation]]  # instead of the invited one
    welcome: Callable[[Session, Membership, UUID | None], None]  # an invitation was accepted
    lacks_brand: Callable[[Session, UUID], bool]


class SignedIn(UserMixin):  # type: ignore[misc]  # flask_login has no types
    """The person behind the cookie: an id and the epoch of their credentials."""

    def __init__(self, user_id: UUID, epoch: int) -> None:
        self.user_id = user_id
        self.epoch = epoch

    def get_id(self) -> str:
        return f"{self.user_id}.{self.epoch}"


@dataclass(frozen=True, slots=True)
class Option:
    """A line of the switcher as the layout shows it."""

    membership_id: UUID
    enrolment_id: UUID | None
    organisation_name: str
    place: str
    current: bool


def register(app: Flask, downstream: Downstream) -> None:
    app.extensions["tpma.downstream"] = downstream
    manager = LoginManager(app)
    # Phones change networks: the address a session began at says nothing about a thief.
    manager.session_protection = None
    manager.user_loader(_load)
    app.before_request(_recognise)
    app.jinja_env.globals["switcher"] = switcher


def downstream() -> Downstream:
    found: Downstream = current_app.extensions["tpma.downstream"]
    return found


def begin(user_id: UUID, membership_id: UUID | None = None) -> None:
    """Sign a person in with a fresh session: whatever the visitor's cookie held is gone,
    save the language they had chosen. They start at `membership_id`, if it is theirs."""
    language = cookie.get("lang")
    cookie.clear()
    if language:
        cookie["lang"] = language
    cookie.permanent = True  # as long as PERMANENT_SESSION_LIFETIME, renewed by each request
    with system().db.reading() as session:
        user = session.get_one(User, user_id)
    login_user(SignedIn(user.id, user.session_epoch))
    cookie["membership"] = str(membership_id or "")
    g.actor = load_actor()


def end() -> None:
    logout_user()
    cookie.clear()
    g.actor = None


def switch(membership_id: UUID | None, enrolment_id: UUID | None) -> None:
    """Go to another of one's own places. Raises NotFound for anybody else's."""
    with system().db.reading() as session:
        options = queries.workspaces(session, current_user.user_id, downstream().places_of)
    if not any((o.membership_id, o.enrolment_id) == (membership_id, enrolment_id) for o in options):
        raise NotFound(_("You have no such workspace."))
    cookie["membership"] = str(membership_id)
    cookie["enrolment"] = str(enrolment_id or "")
    g.actor = load_actor()


def person() -> UUID | None:
    """Who is signed in, even if no organisation has them: they may still join one."""
    if not current_user.is_authenticated:
        return None
    with system().db.reading() as session:
        user = queries.session_user(session, current_user.user_id, current_user.epoch)
    return user.id if user else None


def load_actor() -> Actor | None:
    """The signed-in person at the place the cookie names, else at their first one.

    None without a valid session, and for a person whom no organisation has any more.
    """
    if not current_user.is_authenticated:
        return None
    with system().db.reading() as session:
        user = queries.session_user(session, current_user.user_id, current_user.epoch)
        members = queries.active_memberships(session, user.id) if user else []
        if user is None or not members:
            return None
        member = _named(members, cookie.get("membership", ""))
        options = queries.workspaces_of(session, member, downstream().places_of)
        chosen = next(
            (o for o in options if str(o.enrolment_id or "") == cookie.get("enrolment", "")),
            options[0],
        )
        return _actor(user, member, chosen)


def switcher() -> list[Option]:
    """Every place this person can go to; the layout's list."""
    actor = maybe_actor()
    if actor is None:
        return []
    with system().db.reading() as session:
        found = queries.workspaces(session, actor.user_id, downstream().places_of)
    here = (actor.membership_id, actor.enrolment_id)
    return [
        Option(
            option.membership_id,
            option.enrolment_id,
            option.organisation_name,
            option.place,
            (option.membership_id, option.enrolment_id) == here,
        )
        for option in found
    ]


def _recognise() -> None:
    """Before every view; a request without our cookie costs no query."""
    name = current_app.config["SESSION_COOKIE_NAME"]
    known = request.endpoint != "static" and name in request.cookies
    g.actor = load_actor() if known else None


def _load(text: str) -> SignedIn | None:
    """Flask-Login's user loader; whether the epoch still holds is asked in `load_actor`,
    in the one query that reads the user."""
    user_id, _dot, epoch = text.partition(".")
    try:
        return SignedIn(UUID(user_id), int(epoch))
    except ValueError:
        return None


def _named(members: list[Membership], wanted: str) -> Membership:
    return next((member for member in members if str(member.id) == wanted), members[0])


def _actor(user: User, member: Membership, chosen: Workspace) -> Actor:
    return Actor(
        user_id=user.id,
        organisation_id=chosen.organisation_id,
        kind=chosen.kind,
        roles=tuple(member.roles),
        membership_id=member.id,
        enrolment_id=chosen.enrolment_id,
        vendor_id=chosen.vendor_id,
        name=user.name,
        locale=user.locale,
        timezone=user.timezone,
        organisation_name=chosen.organisation_name,
        place=chosen.place,
        theme=user.theme,
        sight=member.sight,
    )
