"""What the pages of sending domains show, for whoever looks."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from tpma.ports.identities import Record
from tpma.sending.domains import dmarc, link_views, queries, records, senders, words
from tpma.sending.domains.models import DomainState, SendingDomain
from tpma.sending.envelopes import PLATFORM, sender_address, shared_name
from tpma.sending.models import ProviderAccount
from tpma.system import System


@dataclass(frozen=True, slots=True)
class Line:
    """A record as a DNS page asks for it."""

    record: Record
    short: str  # the name without the zone
    zone: str
    check: words.Shown | None


def of(session: Session, system: System, domain: SendingDomain) -> dict[str, Any]:
    """One domain: its state, its checks, the records that are still wanted."""
    provable = system.seed is not None
    checks = words.checks_of(domain)
    links = link_views.of(session, system, domain)
    own = [links.check] if links.check else []
    by_purpose = {check.purpose: check for check in [*checks, *own]}
    zone = dmarc.organisation(domain.domain)
    in_force = senders.current(session, system.settings, domain.tenant_id)
    return {
        "domain": domain,
        "state": domain.state.value,
        "state_text": words.state_text(domain, provable=provable),
        "problem": words.problem(domain),
        "checks": checks,
        "right": sum(check.tone in ("ok", "") for check in checks),
        "lines": [
            Line(record, records.host_in(zone, record.name), zone, by_purpose.get(record.purpose))
            for record in wanted(session, system, domain)
        ],
        "links": links,
        "zone": zone,
        "looking": queries.is_being_looked_at(session, domain.id),
        "in_force": in_force is not None and in_force.id == domain.id,
        "sender": f"campaigns@{domain.domain}",
        "provable": provable,
        "needs_dns": system.provisioner is not None,
        "steps": steps(domain, provable=provable),
    }


def wanted(session: Session, system: System, domain: SendingDomain) -> list[Record]:
    """Every record to add: those of the domain, and that of its link host."""
    own = link_views.of(session, system, domain).record
    return [*records.from_json(domain.records), *([own] if own else [])]


def steps(domain: SendingDomain, *, provable: bool) -> int:
    """How far the wizard is: 1 enter, 2 records, 3 check, 4 test mail where one can be read, and
    last in use."""
    return {
        DomainState.UNVERIFIED: 2,
        DomainState.PENDING_DNS: 3 if domain.checked_at else 2,
        DomainState.VERIFIED: 4,
        DomainState.ACTIVE: 5 if provable else 4,
    }.get(domain.state, 3)


def listed(session: Session, system: System, tenant_id: UUID, slug: str) -> dict[str, Any]:
    """A partner's own domains, and the shared one all launches leave by without any."""
    found = queries.of_tenant(session, tenant_id)
    in_force = senders.current(session, system.settings, tenant_id)
    provable = system.seed is not None
    return {
        "domains": [(one, words.state_text(one, provable=provable)) for one in found],
        "in_force": in_force,
        "shared": sender_address(slug, system.settings),
        "shared_name": shared_name,
        "platform": PLATFORM,
        "needs_dns": system.provisioner is not None,
        "account": account(session, system, tenant_id),
    }


def account(session: Session, system: System, tenant_id: UUID) -> list[tuple[str, str, str]]:
    """(tone, icon, words) of what the provider says of the account and of this partner."""
    told = session.get(ProviderAccount, system.settings.mail)
    kept = queries.tenant_of(session, tenant_id, system.settings.mail)
    if told is None or told.enforcement in ("NONE", "UNKNOWN"):
        return []
    return words.account(
        sandbox=told.sandbox,
        enabled=told.sending_enabled,
        enforcement=told.enforcement,
        tenant_status=kept.status if kept else "",
    )


def everybodys(session: Session, system: System) -> dict[str, Any]:
    """All domains for the operator, with the provider's word on each partner."""
    rows = queries.everybodys(session)
    return {
        "rows": [
            {
                "domain": domain,
                "company": company,
                "is_shared": domain.domain == system.settings.mail_domain,
                "checks": words.checks_of(domain),
                "records": records.from_json(domain.records),
                "links": link_views.of(session, system, domain),
                "tenant": queries.tenant_of(session, company.id, system.settings.mail),
            }
            for domain, company in rows
        ],
        "told": session.get(ProviderAccount, system.settings.mail),
        "provable": system.seed is not None,
        "needs_dns": system.provisioner is not None,
        "transport": system.settings.mail,
        "mail_domain": system.settings.mail_domain,
    }
