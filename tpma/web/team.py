"""The people of one's own organisation: who is here, what each may do, who is asked in."""

from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity import members, queries
from tpma.identity.models import OrganisationKind, Sight
from tpma.identity.rules import roles_of
from tpma.identity.service import get_organisation
from tpma.web.context import actor, render, system
from tpma.web.forms import Faults, choice, text
from tpma.web.guards import member
from tpma.web.security import limiter

team = Blueprint("team", __name__, url_prefix="/team")

_INVITATIONS = "60 per hour"


@team.get("/")
@member("team.read")
def index() -> ResponseReturnValue:
    with system().db.reading() as session:
        return _index(session, {}, Faults())


@team.post("/invite")
@member("team.write")
@limiter.limit(_INVITATIONS)
def invite() -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            issued = members.invite(
                session,
                actor(),
                get_organisation(session, actor().organisation_id),
                email=text("email", 254, required=True),
                name=text("name", 120, required=True),
                roles=request.form.getlist("roles"),
                sight=_sight(),
                base_url=system().settings.base_url,
            )
            asked = issued.token.user.name
    except Invalid as error:
        faults.add(error)
        with system().db.reading() as session:
            return _index(session, request.form, faults), 422
    flash(_("%(name)s has an invitation in the mail. It works for 14 days.", name=asked))
    return redirect(url_for(".index"), 303)


@team.get("/<uuid:membership_id>")
@member("team.read")
def show(membership_id: UUID) -> ResponseReturnValue:
    with system().db.reading() as session:
        return _show(session, membership_id, Faults())


@team.post("/<uuid:membership_id>/roles")
@member("team.write")
def change_roles(membership_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            person = queries.member(session, actor().organisation_id, membership_id)
            roles = request.form.getlist("roles")
            members.change_roles(session, actor(), person, roles, _sight())
    except (Invalid, Conflict) as error:
        faults[error.field or "roles"] = error.message
        with system().db.reading() as session:
            return _show(session, membership_id, faults), error.status
    flash(_("Saved. The new roles count from the next page %(name)s opens.", name=person.user.name))
    return redirect(url_for(".index"), 303)


@team.post("/<uuid:membership_id>/invite-again")
@member("team.write")
@limiter.limit(_INVITATIONS)
def invite_again(membership_id: UUID) -> ResponseReturnValue:
    with system().db.transaction() as session:
        person = queries.member(session, actor().organisation_id, membership_id)
        members.invite(
            session,
            actor(),
            person.organisation,
            email=person.user.email,
            name=person.user.name,
            roles=person.roles,
            sight=person.sight,
            base_url=system().settings.base_url,
        )
    flash(_("A new mail is on its way; the earlier link no longer works."))
    return redirect(url_for(".index"), 303)


@team.post("/<uuid:membership_id>/remove")
@member("team.write")
def remove(membership_id: UUID) -> ResponseReturnValue:
    faults = Faults()
    try:
        with system().db.transaction() as session:
            person = queries.member(session, actor().organisation_id, membership_id)
            members.revoke_membership(session, actor(), person)
    except Conflict as error:
        faults["remove"] = error.message
        with system().db.reading() as session:
            return _show(session, membership_id, faults), error.status
    flash(_("%(name)s is no longer a member.", name=person.user.name))
    return redirect(url_for(".index"), 303)


def _sight() -> Sight | None:
    """Every partner or one's own, as a vendor's form says; other forms do not ask."""
    chosen = request.form.get("sight", "")
    if actor().kind is not OrganisationKind.VENDOR or not chosen:
        return None
    return Sight(choice("sight", [sight.value for sight in Sight]))


def _index(session: Session, values: object, faults: Faults) -> str:
    people = queries.members(session, actor().organisation_id)
    return render(
        "team/index.html",
        people=[person for person in people if not person.pending],
        invited=[person for person in people if person.pending],
        until=queries.invitations_until(session, (p.id for p in people if p.pending)),
        now=clock_of(session)(),
        roles=roles_of(actor().kind),
        chosen=request.form.getlist("roles"),
        trail=queries.audit_page(session, tenant_id=actor().organisation_id, limit=8),
        values=values,
        faults=faults,
    )


def _show(session: Session, membership_id: UUID, faults: Faults) -> str:
    person = queries.member(session, actor().organisation_id, membership_id)
    return render(
        "team/show.html",
        person=person,
        roles=roles_of(actor().kind),
        chosen=request.form.getlist("roles") or person.roles,
        sight=request.form.get("sight") or person.sight.value,
        faults=faults,
    )
