"""Partners' own link hosts: which is in force, what the last look found, who may be answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.settings import Settings
from tpma.identity.service import record
from tpma.launches import addresses
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.sending.domains import link_rules, senders
from tpma.sending.domains.checks import Finding, Verdict
from tpma.sending.domains.models import LinkHost, SendingDomain


def of_domain(session: Session, domain: SendingDomain, *, lock: bool = False) -> LinkHost | None:
    """The host asked for below a sending domain, whether or not its record stands."""
    query = select(LinkHost).where(
        LinkHost.tenant_id == domain.tenant_id,
        LinkHost.domain_id == domain.id,
        LinkHost.ended_at.is_(None),
    )
    return session.scalar(query.with_for_update() if lock else query)


def by_name(session: Session, host: str) -> LinkHost | None:
    """Whoever's it is: a name is one partner's alone."""
    return session.scalar(select(LinkHost).where(LinkHost.host == host))


def served(session: Session) -> dict[str, UUID]:
    """Every host that stood once, and whose it is: mails with links to it may have left."""
    rows = session.execute(
        select(LinkHost.host, LinkHost.tenant_id).where(LinkHost.stood_first_at.is_not(None))
    )
    return {row.host: row.tenant_id for row in rows}


def is_served(session: Session, host: str) -> bool:
    found = by_name(session, host)
    return found is not None and found.stood_first_at is not None


def claimed(session: Session, settings: Settings, tenant_id: UUID) -> LinkHost | None:
    """The host of the domain a partner's next launch leaves by; it need not stand."""
    own = senders.current(session, settings, tenant_id) if settings.link_target else None
    return of_domain(session, own) if own else None


def current(session: Session, settings: Settings, tenant_id: UUID) -> str:
    """The host the next launch's links run over; "": the platform's."""
    found = claimed(session, settings, tenant_id)
    return found.host if found is not None and found.stands_since is not None else ""


def base_of(session: Session, settings: Settings, launch: Launch) -> str:
    """What a launch's links begin with: a draft follows the partner's host, what was frozen
    keeps its own."""
    if not launches.is_editable(launch):
        return addresses.base_of(launch, settings.base_url)
    return addresses.on_host(settings.base_url, current(session, settings, launch.tenant_id))


def missing(session: Session, settings: Settings, launch: Launch) -> str:
    """The host that a launch was frozen with, or that is asked for, while its record is not
    there; "" where nothing is amiss."""
    if not launches.is_editable(launch):
        query = select(LinkHost).where(
            LinkHost.tenant_id == launch.tenant_id, LinkHost.host == launch.link_host
        )
        found = session.scalar(query) if launch.link_host else None
    else:
        found = claimed(session, settings, launch.tenant_id)
    return found.host if found is not None and found.stands_since is None else ""


def keep(session: Session, row: SendingDomain, seen: Finding | None, now: datetime) -> None:
    """What a look at the domain found of its link host. Silence of DNS changes nothing."""
    host = of_domain(session, row, lock=True)
    if host is None or seen is None or seen.name != host.host:
        return  # given up meanwhile, or another one since
    host.finding = seen.to_json()
    host.checked_at = now
    if seen.verdict is Verdict.OK and host.stands_since is None:
        host.stands_since, host.lost_at = now, None
        host.stood_first_at = host.stood_first_at or now
        record(session, None, host.tenant_id, "link_host.verified", host)
    elif seen.verdict in (Verdict.MISSING, Verdict.WRONG) and host.stands_since is not None:
        host.stands_since, host.lost_at, host.asked_at = None, now, now
        record(session, None, host.tenant_id, "link_host.lost", host)
    if host.stands_since is None:
        row.check_at = link_rules.look_again(host.asked_at, now, row.check_at)


def end(session: Session, row: SendingDomain, now: datetime) -> LinkHost | None:
    """No new launch takes the domain's host; what was frozen with it is answered as before. One
    that never stood is nobody's again."""
    host = of_domain(session, row, lock=True)
    if host is None:
        return None
    host.ended_at, host.stands_since = now, None
    if host.stood_first_at is None:
        session.delete(host)
    session.flush()
    return host
