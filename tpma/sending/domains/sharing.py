"""Partners that send from the shared domain, kept apart at the provider all the same.

A tenant is made for each partner with a launch to come or under way; the provider associates the
shared identity and configuration set with it. Until that is done its mails leave without one.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.errors import Invalid, Unavailable
from tpma.core.log import logger
from tpma.identity.models import Organisation
from tpma.launches.models import Launch, LaunchState
from tpma.ports.identities import SHARED
from tpma.sending.domains import looking, queries
from tpma.sending.domains.models import SendingTenant
from tpma.system import System

_log = logger("sending")
AGAIN = timedelta(days=1)
_AT_ONCE = 20  # partners a sweep; the provider's control plane takes a call a second
_TO_COME = (
    LaunchState.DRAFT,
    LaunchState.READY,
    LaunchState.SCHEDULED,
    LaunchState.RUNNING,
    LaunchState.PAUSED,
)


def sweep(system: System) -> int:
    """Ask for the tenants that lack the shared domain, each once a day; how many."""
    if system.provisioner is None or not system.provisioner.has_tenants:
        return 0
    now = system.clock()
    with system.db.transaction() as session:
        found = _lacking(session, system.settings.mail, now)
        for tenant_id in found:
            jobs.enqueue(
                session,
                "sending.share_domain",
                now,
                key=f"sending.share_domain:{tenant_id}:{now:%Y-%m-%d}",
                tenant_id=str(tenant_id),
            )
    return len(found)


def _lacking(session: Session, transport: str, now: datetime) -> list[UUID]:
    """Partners with a launch to come whose tenant is not there, or not of the shared domain."""
    kept = {
        row.tenant_id: row
        for row in session.scalars(
            select(SendingTenant).where(SendingTenant.transport == transport)
        )
    }
    wanted = select(Launch.tenant_id).where(
        Launch.state.in_(_TO_COME), Launch.own_mailer.is_(False)
    )
    found = []
    for tenant_id in session.scalars(wanted.distinct().order_by(Launch.tenant_id)):
        row = kept.get(tenant_id)
        stands = row is not None and (SHARED in row.associated or row.read_at > now - AGAIN)
        if not stands:
            found.append(tenant_id)
    return found[:_AT_ONCE]


def share(system: System, tenant_id: UUID) -> None:
    """Make the partner's tenant as we want it, and keep what the provider says of it.

    A provider that does not answer is asked again tomorrow; its mails leave without a tenant.
    """
    if system.provisioner is None:
        return
    with system.db.reading() as session:
        owner = session.get_one(Organisation, tenant_id)
        spec = looking.tenant_spec(owner, system.clock())
        before = queries.tenant_of(session, tenant_id, system.settings.mail)
    try:
        found = system.provisioner.ensure_tenant(spec)
    except (Unavailable, Invalid) as error:
        _log.warning("a tenant could not be set up", tenant=str(tenant_id), why=error.message)
        return
    if found is None:
        return
    with system.db.transaction() as session:
        looking.keep_tenant(session, system, tenant_id, found, system.clock())
    if before is None:
        _log.info("a tenant was set up", tenant=str(tenant_id))
