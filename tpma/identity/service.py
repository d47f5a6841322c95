"""Companies and people, and the record of who did what.

Their memberships are in `members`, passwords and sign-in in `credentials`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.bulk import insert_rows
from tpma.core.db import Base, Row, clock_of
from tpma.core.errors import Conflict, Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.core.text import email_address, one_line, slug
from tpma.identity import places
from tpma.identity.models import (
    AuditLog,
    Organisation,
    OrganisationKind,
    OrganisationStatus,
    User,
)
from tpma.identity.rules import Actor


def record(
    session: Session,
    actor: Actor | None,
    tenant_id: UUID | None,
    action: str,
    obj: Base,
    **detail: Any,
) -> None:
    """Write down one change of state; `actor` None is the platform itself.

    `action` reads "<entity>.<event>". `detail` holds ids, codes and states, never a name or
    an address.
    """
    if isinstance(obj, Row) and obj.id is None:
        session.flush()
    request = structlog.contextvars.get_contextvars().get("request", "")
    change = Change(tenant_id, getattr(obj, "id", ""), detail, request)
    same = _of_all(session, actor, action, type(obj))
    session.add(AuditLog(**same, **_of_change(change)))


@dataclass(frozen=True, slots=True)
class Change:
    """One of many changes of state; `request_id` is that of the request it came with."""

    tenant_id: UUID | None
    object_id: object
    detail: Mapping[str, Any]
    request_id: str


def record_all(
    session: Session,
    actor: Actor | None,
    kind: type[Base],
    action: str,
    changes: Sequence[Change],
) -> None:
    """As `record`, for the same change of many objects of one kind."""
    rows = [_of_change(change) for change in changes]
    insert_rows(session, AuditLog, rows, **_of_all(session, actor, action, kind))


def _of_all(session: Session, actor: Actor | None, action: str, kind: type[Base]) -> dict[str, Any]:
    return {
        "at": clock_of(session)(),
        "actor_id": actor.user_id if actor else None,
        "action": action,
        "object_type": kind.__name__,
    }


def _of_change(change: Change) -> dict[str, Any]:
    return {
        "tenant_id": change.tenant_id,
        "object_id": str(change.object_id),
        "detail": {key: _plain(value) for key, value in change.detail.items()},
        "request_id": change.request_id,
    }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID | date) else value


def create_organisation(
    session: Session,
    actor: Actor | None,
    kind: OrganisationKind,
    *,
    legal_name: str,
    country: str,
    trading_name: str = "",
    default_locale: str = "en",
    timezone: str = "",
    base_currency: str = "",
    **details: Any,
) -> Organisation:
    """A company. Zone and currency follow the country where they are not given.

    `details` are further columns (address_line1, city, website, legal…), checked by the caller.
    Raises Invalid with the field.
    """
    legal = filled(legal_name, 200, "legal_name")
    shown = one_line(trading_name, 200, "trading_name") or legal
    organisation = Organisation(
        kind=kind,
        legal_name=legal,
        trading_name=shown,
        slug=_free_slug(session, details.pop("slug", "") or shown),
        country=places.country(country),
        default_locale=places.language(default_locale, "default_locale"),
        timezone=places.timezone(timezone or places.zone_of(country)),
        base_currency=places.currency(base_currency or places.currency_of(country)),
        **details,
    )
    session.add(organisation)
    session.flush()
    record(session, actor, organisation.id, "organisation.created", organisation, kind=kind.value)
    return organisation


def set_organisation_status(
    session: Session, actor: Actor, organisation: Organisation, status: OrganisationStatus
) -> None:
    """A suspended organisation cannot be signed in to; its data stay."""
    if organisation.kind is OrganisationKind.OPERATOR:
        raise Invalid(_("The operator's own organisation stays active."))
    if organisation.status is status:
        return
    organisation.status = status
    record(session, actor, organisation.id, f"organisation.{status.value}", organisation)


def create_user(
    session: Session,
    *,
    email: str,
    name: str,
    locale: str = "en",
    timezone: str = "UTC",
) -> User:
    """A person without a password yet. Raises Conflict if the address has an account."""
    address = email_address(email)
    if session.scalar(select(User.id).where(User.email_norm == address.norm)) is not None:
        raise Conflict(_("Somebody with this address is here already."))
    user = User(
        email=address.shown,
        email_norm=address.norm,
        name=filled(name, 120, "name"),
        locale=places.language(locale),
        timezone=places.timezone(timezone),
    )
    session.add(user)
    session.flush()
    return user


def update_profile(
    session: Session, user: User, *, name: str, locale: str, timezone: str, theme: str
) -> None:
    """What a person may change about themselves without a password."""
    if theme not in ("light", "dark"):
        raise Invalid(_("Choose one of the options."), field="theme")
    user.name = filled(name, 120, "name")
    user.locale = places.language(locale)
    user.timezone = places.timezone(timezone)
    user.theme = theme


def get_organisation(session: Session, organisation_id: UUID) -> Organisation:
    found = session.get(Organisation, organisation_id)
    if found is None:
        raise NotFound(_("No such organisation."))
    return found


def filled(text: str, longest: int, field: str) -> str:
    found = one_line(text, longest, field)
    if not found:
        raise Invalid(_("Fill this in."), field=field)
    return found


def _free_slug(session: Session, wanted: str) -> str:
    """The name as an address part, with a number behind it if another company has it."""
    stem = slug(wanted)[:36].rstrip("-") or "company"
    taken = set(
        session.scalars(
            select(Organisation.slug).where(func.lower(Organisation.slug).like(f"{stem}%"))
        )
    )
    free = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (stem, *free) if name not in taken)
