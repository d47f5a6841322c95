"""Launches as their partner and their vendor see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from tpma.identity.models import Organisation
from tpma.kits.models import Kit, KitVersion
from tpma.launches.models import Launch, LaunchState
from tpma.partners.queries import looked_after


@dataclass(frozen=True, slots=True)
class Line:
    """One launch in a list."""

    launch: Launch
    kit: Kit
    partner_name: str


def for_partner(
    session: Session, tenant_id: UUID, enrolment_id: UUID, state: str = ""
) -> list[Line]:
    """Newest first; `state` narrows to one."""
    query = _lines().where(Launch.tenant_id == tenant_id, Launch.enrolment_id == enrolment_id)
    if state in set(LaunchState):
        query = query.where(Launch.state == LaunchState(state))
    return _read(session, query)


def for_vendor(session: Session, vendor_id: UUID, manager_id: UUID | None = None) -> list[Line]:
    """Launches of the vendor's kits that have left the draft: drafts are the partner's alone.

    For the channel manager `manager_id`, only those of partners they look after.
    """
    return _read(
        session,
        _lines().where(
            Launch.vendor_id == vendor_id,
            Launch.state.not_in([LaunchState.DRAFT, LaunchState.READY]),
            looked_after(Launch.enrolment_id, vendor_id, manager_id),
        ),
    )


def of_kit(
    session: Session, vendor_id: UUID, kit_slug: str, manager_id: UUID | None = None
) -> list[Line]:
    """Launches of one of the vendor's kits, any version."""
    found = for_vendor(session, vendor_id, manager_id)
    return [line for line in found if line.kit.slug == kit_slug]


def _lines() -> Select[Launch, Kit, str]:
    return (
        select(Launch, Kit, Organisation.trading_name)
        .join(KitVersion, KitVersion.id == Launch.kit_version_id)
        .join(Kit, Kit.id == KitVersion.kit_id)
        .join(Organisation, Organisation.id == Launch.tenant_id)
        .options(joinedload(Launch.kit_version))
        .order_by(Launch.created_at.desc(), Launch.id.desc())
        .limit(200)
    )


def _read(session: Session, query: Select[Launch, Kit, str]) -> list[Line]:
    return [Line(row[0], row[1], row[2]) for row in session.execute(query).unique()]


def states(session: Session, tenant_id: UUID, enrolment_id: UUID) -> dict[str, int]:
    """State → launches of this partner in it."""
    rows: Sequence[tuple[LaunchState, int]] = [
        (row[0], row[1])
        for row in session.execute(
            select(Launch.state, func.count())
            .where(Launch.tenant_id == tenant_id, Launch.enrolment_id == enrolment_id)
            .group_by(Launch.state)
        )
    ]
    return {state.value: number for state, number in rows}


def by_code(
    session: Session, code: str, tenant_id: UUID, kind: str, manager_id: UUID | None = None
) -> Launch | None:
    """A launch by its code, if it is the asking tenant's (as partner or as vendor)."""
    column = Launch.tenant_id if kind == "partner" else Launch.vendor_id
    return session.scalar(
        select(Launch).where(
            Launch.campaign_code == code,
            column == tenant_id,
            looked_after(Launch.enrolment_id, tenant_id, manager_id),
        )
    )
