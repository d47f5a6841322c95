"""The last day of a kit: which end soon, how one is renewed or put away, whether it is over.

The day stands on the kit, not in a version: a version never changes, and what was launched with an
older one ends with the kit too. A version that is published brings its own day along.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, defer

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.kits import rules
from tpma.kits.models import Kit, KitReminder, KitVersion, KitVersionState

LONGEST = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Ending:
    """A kit with its partners whose last day is at most 30 days away."""

    kit: Kit
    version: KitVersion
    last_day: date
    days_left: int


def ending(session: Session, vendor_org_id: UUID) -> list[Ending]:
    """The vendor's kits that end within 30 days, the soonest first."""
    today = today_of(session, vendor_org_id)
    rows = session.execute(
        select(Kit, KitVersion)
        .join(KitVersion, KitVersion.kit_id == Kit.id)
        .where(
            Kit.tenant_id == vendor_org_id,
            KitVersion.state == KitVersionState.PUBLISHED,
            Kit.retires_on.between(today, today + timedelta(days=max(rules.MARKS))),
        )
        .order_by(Kit.retires_on, Kit.title, Kit.id)
        .options(defer(KitVersion.manifest))
    )
    return [
        Ending(kit, version, kit.retires_on, (kit.retires_on - today).days)
        for kit, version in rows
        if kit.retires_on is not None
    ]


def today_of(session: Session, vendor_org_id: UUID) -> date:
    """The vendor's day today."""
    return rules.day_in(_zone(session, vendor_org_id), clock_of(session)())


def is_over(session: Session, version_id: UUID, now: datetime) -> bool:
    """Whether the kit of this version may no longer be launched, nor its pages be shown.

    The caller got the id from a row of its own tenant.
    """
    row = session.execute(
        select(Kit.retires_on, Organisation.timezone)
        .join(KitVersion, KitVersion.kit_id == Kit.id)
        .join(Organisation, Organisation.id == Kit.tenant_id)
        .where(KitVersion.id == version_id)
    ).one()
    return rules.is_over(row[0], row[1], now)


def renew(session: Session, actor: Actor, kit: Kit, last_day: date | None) -> None:
    """Give the kit another last day, also one that has ended. Raises Invalid(field="last_day")."""
    today = today_of(session, kit.tenant_id)
    if last_day is None:
        raise Invalid(_("Choose the new last day."), field="last_day")
    if last_day < today:
        raise Invalid(_("This day has passed. Choose today or a later one."), field="last_day")
    if last_day > today + LONGEST:
        raise Invalid(_("At most five years ahead. Choose an earlier day."), field="last_day")
    _move(session, actor, kit, last_day, "renewed")


def archive(session: Session, actor: Actor, kit: Kit) -> None:
    """End it now, as if yesterday had been its last day: renewing it brings it back."""
    if is_over_kit(session, kit):
        raise Conflict(_("This kit has ended already."))
    _move(session, actor, kit, today_of(session, kit.tenant_id) - timedelta(days=1), "archived")


def is_over_kit(session: Session, kit: Kit) -> bool:
    return rules.is_over(kit.retires_on, _zone(session, kit.tenant_id), clock_of(session)())


def _move(session: Session, actor: Actor, kit: Kit, last_day: date, what: str) -> None:
    if _published(session, kit) is None:
        raise Conflict(_("This kit is not published. Its dates come with its first version."))
    before = kit.retires_on.isoformat() if kit.retires_on else ""
    kit.retires_on = last_day
    _forget_marks(session, kit, (last_day - today_of(session, kit.tenant_id)).days)
    record(
        session,
        actor,
        kit.tenant_id,
        f"kit.{what}",
        kit,
        key=kit.key,
        before=before,
        after=last_day.isoformat(),
    )


def _forget_marks(session: Session, kit: Kit, days_left: int) -> None:
    """Marks that are to come again with the new last day are told again."""
    versions = select(KitVersion.id).where(KitVersion.kit_id == kit.id)
    session.execute(
        delete(KitReminder).where(
            KitReminder.tenant_id == kit.tenant_id,
            KitReminder.kit_version_id.in_(versions),
            KitReminder.days < days_left,
        )
    )


def _published(session: Session, kit: Kit) -> UUID | None:
    return session.scalar(
        select(KitVersion.id).where(
            KitVersion.kit_id == kit.id,
            KitVersion.tenant_id == kit.tenant_id,
            KitVersion.state == KitVersionState.PUBLISHED,
        )
    )


def _zone(session: Session, vendor_org_id: UUID) -> str:
    return session.get_one(Organisation, vendor_org_id).timezone
