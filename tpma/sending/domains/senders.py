"""By which domain a launch leaves: the partner's own where one stands, else the shared one."""

from uuid import UUID

from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.core.settings import Settings
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.sending.domains import queries
from tpma.sending.domains.models import HELD, DomainState, LaunchSender, SendingDomain
from tpma.sending.domains.rules import is_usable

IDENTITY = "identity"  # cause of a pause: the domain is not what it was
_STOPPED = (DomainState.DEGRADED, DomainState.SUSPENDED)


def current(session: Session, settings: Settings, tenant_id: UUID) -> SendingDomain | None:
    """The domain a partner's next launch leaves by; None: the shared one.

    One that broke or was suspended stays in force, and the check is red: mail does not change
    its sender because somebody lost a record.
    """
    found = [one for one in queries.of_tenant(session, tenant_id) if one.transport == settings.mail]
    usable = [one for one in found if is_usable(one.state, provable=settings.proves_domains)]
    stopped = [one for one in found if one.state in _STOPPED]
    return next(iter(usable + stopped), None)


def of_launch(session: Session, settings: Settings, launch: Launch) -> SendingDomain | None:
    """A draft follows the partner's domain; what was scheduled keeps what was checked."""
    if launches.is_editable(launch):
        return current(session, settings, launch.tenant_id)
    kept = session.get(LaunchSender, launch.id)
    if kept is None or kept.domain_id is None:
        return None
    found = session.get(SendingDomain, kept.domain_id)
    return found if found and found.state in HELD and found.transport == settings.mail else None


def behind(session: Session, settings: Settings, launch: Launch) -> SendingDomain | None:
    """What is known of the domain a launch leaves by: its own, else the shared one's row."""
    return of_launch(session, settings, launch) or shared(session, settings)


def shared(session: Session, settings: Settings) -> SendingDomain | None:
    """The platform's own domain, looked after under the operator's name; None before the first
    sweep, and where nothing leaves this machine."""
    operator = queries.operator_id(session)
    if operator is None:
        return None
    found = queries.of_tenant(session, operator)
    return next((one for one in found if one.domain == settings.mail_domain), None)


def keep(session: Session, settings: Settings, launch: Launch) -> None:
    """A launch is about to be scheduled: what was checked is what it leaves by."""
    found = current(session, settings, launch.tenant_id)
    row = {"launch_id": launch.id, "domain_id": found.id if found else None}
    session.execute(
        upsert(session, LaunchSender)
        .values(row)
        .on_conflict_do_update(index_elements=["launch_id"], set_={"domain_id": row["domain_id"]})
    )


def hold_launches(session: Session, domain: SendingDomain) -> int:
    """Nothing more leaves by this domain until somebody resumes it; how many were stopped."""
    found = queries.launches_by(session, domain.id)
    for launch in found:
        if launch.started_at is None:
            launches.hold(session, None, launch, IDENTITY)
        else:
            launches.pause(session, None, launch, IDENTITY)
    return len(found)
