"""A person's place in an organisation: invited, accepted, changed, ended."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.text import email_address
from tpma.identity import notices, tokens
from tpma.identity.models import (
    Membership,
    Organisation,
    OrganisationKind,
    Sight,
    TokenKind,
    User,
    UserStatus,
)
from tpma.identity.rules import ADMIN, Actor, first_sight, roles_of
from tpma.identity.service import create_user, record


def add_membership(
    session: Session,
    actor: Actor | None,
    user: User,
    organisation: Organisation,
    roles: Iterable[str],
    *,
    pending: bool = False,
    sight: Sight | None = None,
) -> Membership:
    """Give a person a place in an organisation, again if they had left.

    Raises Invalid if they are a member, or for a role of another kind of organisation.
    `sight` None means what the roles start with.
    """
    chosen = _checked_roles(organisation.kind, roles)
    sees = _checked_sight(chosen, sight or first_sight(chosen))
    member = session.scalar(
        select(Membership).where(
            Membership.user_id == user.id, Membership.organisation_id == organisation.id
        )
    )
    if member is not None and member.ended_at is None and not member.pending:
        raise Invalid(_("%(email)s is a member already.", email=user.email), field="email")
    if member is None:
        member = Membership(user=user, organisation=organisation, roles=chosen)
        session.add(member)
    member.roles, member.pending, member.ended_at = chosen, pending, None
    member.sight = sees
    session.flush()
    event = "membership.invited" if pending else "membership.added"
    record(session, actor, organisation.id, event, member, roles=chosen, sight=sees.value)
    return member


def invite(
    session: Session,
    actor: Actor | None,
    organisation: Organisation,
    *,
    email: str,
    name: str,
    roles: Iterable[str],
    base_url: str,
    sight: Sight | None = None,
) -> tokens.Issued:
    """Mail a link that lets this person join; inviting again replaces the earlier link.

    Raises Invalid with the field, also if they are a member already.
    """
    norm = email_address(email).norm
    user = session.scalar(select(User).where(User.email_norm == norm)) or create_user(
        session,
        email=email,
        name=name,
        locale=organisation.default_locale,
        timezone=organisation.timezone,
    )
    if user.status is UserStatus.DEACTIVATED:
        raise Invalid(_("This account was closed. Ask the operator to open it."), field="email")
    member = add_membership(session, actor, user, organisation, roles, pending=True, sight=sight)
    issued = tokens.issue(session, TokenKind.INVITATION, user, member)
    notices.invitation(session, issued, user, organisation, actor.name if actor else "", base_url)
    return issued


def change_roles(
    session: Session,
    actor: Actor,
    member: Membership,
    roles: Iterable[str],
    sight: Sight | None = None,
) -> Membership:
    """Takes effect with the member's next page. Raises Conflict for the last admin.

    Without `sight` a member keeps what they see, or sees what the new roles start with.
    """
    chosen = _checked_roles(member.organisation.kind, roles)
    sees = _checked_sight(chosen, sight or _kept_sight(member, chosen))
    if ADMIN[member.organisation.kind] not in chosen:
        _keep_an_admin(session, member)
    before, member.roles = member.roles, chosen
    seen, member.sight = member.sight, sees
    record(
        session,
        actor,
        member.organisation_id,
        "membership.roles_changed",
        member,
        before=before,
        after=chosen,
    )
    if seen is not sees:
        told = {"before": seen.value, "after": sees.value}
        record(session, actor, member.organisation_id, "membership.sight_changed", member, **told)
    return member


def _kept_sight(member: Membership, roles: list[str]) -> Sight:
    if "CM" not in roles:
        return Sight.ALL
    return first_sight(roles) if set(roles) != set(member.roles) else member.sight


def _checked_sight(roles: list[str], sight: Sight) -> Sight:
    """Partners are handed to channel managers: anybody else limited to theirs would see none."""
    if sight is Sight.OWN and "CM" not in roles:
        raise Invalid(
            _(
                "Only a channel manager looks after partners. Tick that role too, or choose "
                "every partner."
            ),
            field="sight",
        )
    return sight


def revoke_membership(session: Session, actor: Actor, member: Membership) -> None:
    """End a person's place here, or withdraw an invitation. Raises Conflict for the last admin.

    Every page looks the membership up again, so nothing else has to end their session.
    """
    _keep_an_admin(session, member)
    member.ended_at = clock_of(session)()
    tokens.end_for(session, member)
    record(session, actor, member.organisation_id, "membership.revoked", member)


def deactivate_user(session: Session, actor: Actor | None, user: User) -> None:
    """Close an account everywhere and end its sessions. Raises Conflict where it is the last
    admin of an organisation."""
    for member in session.scalars(
        select(Membership).where(Membership.user_id == user.id, Membership.ended_at.is_(None))
    ):
        _keep_an_admin(session, member)
    user.status = UserStatus.DEACTIVATED
    user.session_epoch += 1
    for kind in TokenKind:
        tokens.end_all(session, kind, user)
    record(session, actor, None, "user.deactivated", user)


def _keep_an_admin(session: Session, leaving: Membership) -> None:
    """Refuse to take the last admin away; an invited one does not count yet."""
    admin = ADMIN[leaving.organisation.kind]
    if leaving.pending or admin not in leaving.roles:
        return
    # Two admins who remove each other at the same moment wait for one another here.
    session.execute(
        select(Organisation.id).where(Organisation.id == leaving.organisation_id).with_for_update()
    )
    others = session.scalars(
        select(Membership)
        .join(Membership.user)
        .where(Membership.organisation_id == leaving.organisation_id, Membership.id != leaving.id)
        .where(Membership.ended_at.is_(None), Membership.pending.is_(False))
        .where(User.status == UserStatus.ACTIVE)
        .execution_options(populate_existing=True)
    )
    if not any(admin in member.roles for member in others):
        raise Conflict(
            _("%(name)s is the last admin. Make somebody else admin first.", name=leaving.user.name)
        )


def _checked_roles(kind: OrganisationKind, roles: Iterable[str]) -> list[str]:
    offered = roles_of(kind)
    chosen = [code for code in offered if code in set(roles)]
    if not chosen or set(roles) - set(offered):
        raise Invalid(_("Choose at least one role from the list."), field="roles")
    return chosen
