"""Sending domains read: a partner's own, all of them for the operator, and those to look at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation, OrganisationKind
from tpma.jobs import Job
from tpma.launches.models import Launch, LaunchState
from tpma.sending.domains.models import (
    HELD,
    DomainState,
    LaunchSender,
    SendingDomain,
    SendingTenant,
)

_UNDER_WAY = (LaunchState.SCHEDULED, LaunchState.RUNNING)


def of_tenant(session: Session, tenant_id: UUID) -> list[SendingDomain]:
    """Newest first, without those that were removed."""
    return list(
        session.scalars(
            select(SendingDomain)
            .where(SendingDomain.tenant_id == tenant_id)
            .where(SendingDomain.state != DomainState.RETIRED)
            .order_by(SendingDomain.created_at.desc(), SendingDomain.id.desc())
        )
    )


def get(session: Session, tenant_id: UUID, domain_id: UUID, *, lock: bool = False) -> SendingDomain:
    """Raises NotFound for another's."""
    query = select(SendingDomain).where(
        SendingDomain.id == domain_id, SendingDomain.tenant_id == tenant_id
    )
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound(_("There is no such sending domain."))
    return found


def everybodys(session: Session) -> list[tuple[SendingDomain, Organisation]]:
    """For the operator: all that were not removed, what needs somebody first."""
    rows = session.execute(
        select(SendingDomain, Organisation)
        .join(Organisation, Organisation.id == SendingDomain.tenant_id)
        .where(SendingDomain.state != DomainState.RETIRED)
        .order_by(SendingDomain.domain, SendingDomain.id)
    ).all()
    first = {DomainState.DEGRADED: 0, DomainState.SUSPENDED: 1, DomainState.PENDING_DNS: 2}
    return sorted(((row[0], row[1]) for row in rows), key=lambda pair: first.get(pair[0].state, 3))


def holder(session: Session, domain: str) -> SendingDomain | None:
    """Who has proved this domain to be theirs."""
    return session.scalar(
        select(SendingDomain).where(SendingDomain.domain == domain, SendingDomain.state.in_(HELD))
    )


def tenant_of(session: Session, tenant_id: UUID, transport: str) -> SendingTenant | None:
    return session.get(SendingTenant, (tenant_id, transport))


def is_tenants(session: Session, configuration_set: str) -> bool:
    """Whether a partner's mail is published under this name."""
    found = select(SendingTenant.tenant_id).where(
        SendingTenant.configuration_set == configuration_set
    )
    return session.scalar(found.limit(1)) is not None


def is_shared(session: Session, domain: SendingDomain) -> bool:
    """Whether another row, of whomever, still wants the provider to know this domain."""
    other = select(SendingDomain.id).where(
        SendingDomain.domain == domain.domain,
        SendingDomain.id != domain.id,
        SendingDomain.state != DomainState.RETIRED,
    )
    return session.scalar(other.limit(1)) is not None


def due(session: Session, now: datetime, transport: str, most: int = 20) -> list[SendingDomain]:
    """Those whose moment has come, or that were set up for another way out than today's."""
    return list(
        session.scalars(
            select(SendingDomain)
            .where(SendingDomain.state != DomainState.RETIRED)
            .where(
                or_(
                    SendingDomain.check_at <= now,
                    SendingDomain.transport != transport,
                )
            )
            .order_by(SendingDomain.check_at)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
    )


def launches_by(session: Session, domain_id: UUID) -> list[Launch]:
    """Launches that leave by it, or will at their hour."""
    return list(
        session.scalars(
            select(Launch)
            .join(LaunchSender, LaunchSender.launch_id == Launch.id)
            .where(LaunchSender.domain_id == domain_id, Launch.state.in_(_UNDER_WAY))
            .with_for_update(of=Launch)
        )
    )


def operator_id(session: Session) -> UUID | None:
    """The organisation that runs this installation; the platform's own domain is its."""
    return session.scalar(
        select(Organisation.id)
        .where(Organisation.kind == OrganisationKind.OPERATOR)
        .order_by(Organisation.created_at)
        .limit(1)
    )


def is_being_looked_at(session: Session, domain_id: UUID) -> bool:
    """Whether a look is asked for and not over."""
    waits = select(Job.id).where(
        Job.key.like(f"sending.domain:{domain_id}:%"), Job.done_at.is_(None), Job.dead_at.is_(None)
    )
    return session.scalar(waits.limit(1)) is not None
