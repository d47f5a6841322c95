"""A look at a domain: the provider and DNS are asked, then what they said is kept and judged.

Read, close, ask, open, record: no transaction is open while anybody is asked.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import upsert
from tpma.core.errors import Invalid, Unavailable
from tpma.core.log import logger
from tpma.identity.models import Organisation, OrganisationKind
from tpma.identity.service import record
from tpma.ports.dns import Answer, DnsReader
from tpma.ports.identities import (
    DomainSpec,
    IdentityProvisioner,
    IdentityState,
    Record,
    TenantSpec,
    TenantState,
)
from tpma.sending.domains import (
    checks,
    dmarc,
    link_hosts,
    link_rules,
    notices,
    queries,
    records,
    senders,
)
from tpma.sending.domains.checks import Finding, Verdict
from tpma.sending.domains.models import HELD, DomainState, SendingDomain, SendingTenant
from tpma.sending.domains.rules import (
    AGAIN,
    DAILY,
    FAILURES,
    PROBE_EVERY,
    PROBE_WAIT,
    DomainEvent,
    after,
    next_look,
)
from tpma.system import System

_log = logger("sending")
_AT_ONCE = 8  # questions to DNS
_NEWCOMER = timedelta(days=30)  # SES stops its tenant at the first finding
_DEGRADED_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found, before it is kept."""

    identity: IdentityState
    tenant: TenantState | None
    records: tuple[Record, ...]
    findings: dict[str, Finding]
    policy: tuple[str, ...]
    links: Finding | None = None  # of the host links run over, where one is asked for


@dataclass(frozen=True, slots=True)
class _Asked:
    """What has to be known of a row to ask about it."""

    domain: str
    challenge: str  # "" of the platform's own
    tenant: TenantSpec | None
    known: TenantState | None
    whole: bool  # everything is set up again, as far as it is not as we want it
    link_host: str  # "" where none is asked for


def sweep(system: System) -> int:
    """Queue a look at every domain whose moment has come; how many."""
    now, transport = system.clock(), system.settings.mail
    with system.db.transaction() as session:
        if system.provisioner is not None:
            _know_the_platforms(session, system, now)
        found = queries.due(session, now, transport)
        for row in found:
            if row.transport != transport:
                row.state, row.transport = after(row.state, DomainEvent.MOVED), transport
                _said(session, row, DomainEvent.MOVED)
            row.check_at = now + AGAIN  # if the look's worker dies
            ask_for_look(session, row, now)
    return len(found)


def ask_for_look(session: Session, row: SendingDomain, now: datetime) -> None:
    jobs.enqueue(
        session,
        "sending.look_at_domain",
        now,
        key=f"sending.domain:{row.id}:{now.isoformat()}",
        domain_id=str(row.id),
    )


def _know_the_platforms(session: Session, system: System, now: datetime) -> None:
    """The shared domain is looked after like a partner's, under the operator's name."""
    operator, domain = queries.operator_id(session), system.settings.mail_domain
    if operator is None:
        return
    mine = queries.of_tenant(session, operator)
    if any(one.domain == domain for one in mine):
        return
    for old in mine:  # TPMA_MAIL_DOMAIN was changed
        old.state = after(old.state, DomainEvent.REMOVED)
        old.ended_at = now
        _said(session, old, DomainEvent.REMOVED)
    made = SendingDomain(
        tenant_id=operator,
        domain=domain,
        transport=system.settings.mail,
        challenge="",
        check_at=now,
    )
    session.add(made)
    session.flush()
    record(session, None, operator, "sending_domain.claimed", made)


def look(system: System, domain_id: UUID) -> None:
    """One look. What the provider cannot say now is kept as its trouble, and asked again."""
    with system.db.reading() as session:
        row = session.get_one(SendingDomain, domain_id)
        if row.state is DomainState.RETIRED:
            return
        asked = _asked(session, system, row)
    try:
        seen = _ask(system, asked)
    except (Unavailable, Invalid) as error:
        _log.warning("a sending domain could not be looked at", domain=asked.domain)
        _keep_trouble(system, domain_id, error.message)
        return
    with system.db.transaction() as session:
        row = session.get_one(SendingDomain, domain_id, with_for_update=True)
        if row.state is not DomainState.RETIRED:
            apply(session, system, row, seen)


def _asked(session: Session, system: System, row: SendingDomain) -> _Asked:
    owner = session.get_one(Organisation, row.tenant_id)
    platforms = owner.kind is OrganisationKind.OPERATOR
    now = system.clock()
    kept = queries.tenant_of(session, row.tenant_id, system.settings.mail)
    links = link_hosts.of_domain(session, row)
    return _Asked(
        domain=row.domain,
        challenge=row.challenge,
        tenant=None if platforms else tenant_spec(owner, now),
        known=state_of(kept) if kept else None,
        whole=row.state is DomainState.UNVERIFIED or row.state in HELD,
        link_host=links.host if links else "",
    )


def state_of(kept: SendingTenant) -> TenantState:
    return TenantState(kept.name, kept.reference, kept.configuration_set, kept.status)


def tenant_spec(owner: Organisation, now: datetime) -> TenantSpec:
    return TenantSpec(tenant_name(owner), strict=now - owner.created_at < _NEWCOMER)


def tenant_name(owner: Organisation) -> str:
    """Readable at the provider, and unlike that of another installation's partner."""
    return f"{owner.slug[:24].rstrip('-')}-{owner.id.hex[-12:]}"


def _ask(system: System, asked: _Asked) -> Seen:
    if system.provisioner is None or system.dns is None:
        return _nothing_needed(asked.domain)
    identity, tenant = _of_provider(system.provisioner, asked)
    wanted = list(identity.records)
    if asked.challenge:
        wanted.insert(0, records.ownership(asked.domain, asked.challenge))
    questions = checks.questions(asked.domain, wanted, identity.mail_from)
    host, target = asked.link_host, system.settings.link_target
    answers = _of_dns(system.dns, questions + (link_rules.questions(host) if host else []))
    policy = checks.records_at_dmarc(asked.domain, answers)
    if dmarc.policy(policy) is None:
        wanted.append(records.policy(asked.domain))
    found = checks.judge(asked.domain, wanted, identity, answers)
    links = link_rules.judge(host, target, answers) if host and target else None
    return Seen(identity, tenant, tuple(wanted), found, policy, links)


def _of_provider(
    provisioner: IdentityProvisioner, asked: _Asked
) -> tuple[IdentityState, TenantState | None]:
    tenant = asked.known
    if asked.tenant is not None and (asked.whole or tenant is None):
        tenant = provisioner.ensure_tenant(asked.tenant)
    spec = DomainSpec(asked.domain, tenant)
    found = None if asked.whole else provisioner.check_identity(spec)
    identity = found or provisioner.ensure_identity(spec)
    if tenant is not None:
        tenant = replace(tenant, associated=identity.associated)
    return identity, tenant


def _of_dns(dns: DnsReader, questions: list[checks.Question]) -> dict[checks.Question, Answer]:
    """All at once: a zone whose servers are silent costs the time of one question."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return dict(zip(questions, pool.map(lambda one: dns.ask(*one), questions), strict=True))


def _nothing_needed(domain: str) -> Seen:
    """Nothing leaves this machine, so nobody has to recognise anything."""
    found = {purpose: Finding(Verdict.UNNEEDED) for purpose in checks.PURPOSES}
    return Seen(IdentityState(domain), None, (), found, ())


def _keep_trouble(system: System, domain_id: UUID, message: str) -> None:
    """A look that could not be had moves no state: silence is no proof."""
    now = system.clock()
    with system.db.transaction() as session:
        row = session.get_one(SendingDomain, domain_id, with_for_update=True)
        row.problem = message[:200]
        row.asked_at = row.asked_at or now
        row.check_at = now + (next_look(now - row.asked_at) or DAILY)


def apply(session: Session, system: System, row: SendingDomain, seen: Seen) -> None:
    """Keep what was found, and move the state by it."""
    now = system.clock()
    _keep(session, row, seen, now)
    if seen.tenant is not None:
        keep_tenant(session, system, row.tenant_id, seen.tenant, now)
    if row.state is DomainState.UNVERIFIED:
        row.asked_at = now
        _move(session, row, DomainEvent.REQUESTED)
    if checks.passes(seen.findings):
        _passed(session, system, row)
    elif checks.fails(seen.findings):
        _failed(session, system, row)
    row.check_at = _next(session, system, row, now)
    link_hosts.keep(session, row, seen.links, now)
    _ask_for_probe(session, system, row, now)


def _keep(session: Session, row: SendingDomain, seen: Seen, now: datetime) -> None:
    row.problem = ""
    row.checked_at = now
    row.records = [records.to_json(one) for one in seen.records]
    row.checks = {purpose: one.to_json() for purpose, one in seen.findings.items()}
    row.reference = seen.identity.reference
    row.dkim_domain, row.dkim_bits = seen.identity.dkim_domain, seen.identity.dkim_bits
    row.mail_from = seen.identity.mail_from
    row.rejects_without_mx = seen.identity.rejects_without_mx
    if seen.findings["dmarc"].verdict is Verdict.UNKNOWN:
        return  # silence takes nothing away
    row.dmarc = list(seen.policy)
    if (dmarc.policy(row.dmarc) or {}).get("p") == "none":
        row.dmarc_none_since = row.dmarc_none_since or now.date()
    else:
        row.dmarc_none_since = None


def keep_tenant(
    session: Session, system: System, tenant_id: UUID, state: TenantState, now: datetime
) -> None:
    """What the provider says of a partner's place there."""
    values = {
        "name": state.name,
        "reference": state.reference,
        "configuration_set": state.configuration_set,
        "status": state.status,
        "associated": sorted(state.associated),
        "read_at": now,
    }
    key = {"tenant_id": tenant_id, "transport": system.settings.mail}
    session.execute(
        upsert(session, SendingTenant)
        .values(key | values)
        .on_conflict_do_update(index_elements=list(key), set_=values)
    )


def _passed(session: Session, system: System, row: SendingDomain) -> None:
    row.failures = 0
    if row.state not in (DomainState.PENDING_DNS, DomainState.DEGRADED):
        return
    holder = queries.holder(session, row.domain)
    if holder is not None and holder.id != row.id:
        _lose(session, system, row)
        return
    was = row.state
    _move(session, row, DomainEvent.PASSED)
    session.flush()  # of two who prove it at once the database lets one be first
    prove_if_known(session, system, row)
    if system.provisioner is None:
        return  # nothing had to be waited for
    recovered = was is DomainState.DEGRADED
    notices.tell(session, system, row, notices.RECOVERED if recovered else notices.VERIFIED)


def _lose(session: Session, system: System, row: SendingDomain) -> None:
    """Somebody else has proved it meanwhile."""
    _move(session, row, DomainEvent.REMOVED)
    row.ended_at = system.clock()
    notices.tell(session, system, row, notices.TAKEN)


def prove_if_known(session: Session, system: System, row: SendingDomain) -> None:
    """Active, where a test mail has shown what receivers see, or none can be needed."""
    proven = row.probe_aligned and row.probed_at is not None
    if row.state is DomainState.VERIFIED and (proven or system.provisioner is None):
        _move(session, row, DomainEvent.PROVEN)


def _failed(session: Session, system: System, row: SendingDomain) -> None:
    """RT-09. A record is missed three times before anything stops: DNS pages are edited."""
    if row.state is DomainState.DEGRADED:
        senders.hold_launches(session, row)  # also one that was resumed meanwhile
    if row.state not in (DomainState.VERIFIED, DomainState.ACTIVE):
        return
    row.failures += 1
    if row.failures < FAILURES:
        return
    _move(session, row, DomainEvent.FAILED)
    held = senders.hold_launches(session, row)
    notices.tell(session, system, row, notices.DEGRADED, held)


def _next(session: Session, system: System, row: SendingDomain, now: datetime) -> datetime | None:
    if row.state is DomainState.RETIRED:
        return None
    if row.state is DomainState.PENDING_DNS:
        pause = next_look(now - (row.asked_at or now))
        if pause is None:
            notices.tell(session, system, row, notices.GIVEN_UP)
        return None if pause is None else now + pause
    if row.state is DomainState.DEGRADED:
        return now + _DEGRADED_AGAIN
    return now + (AGAIN if row.failures else DAILY)


def _ask_for_probe(session: Session, system: System, row: SendingDomain, now: datetime) -> None:
    """A test mail, where one can be read back and the last one is old."""
    if system.seed is None or row.state not in (DomainState.VERIFIED, DomainState.ACTIVE):
        return
    fresh = row.probed_at is not None and now - row.probed_at < PROBE_EVERY
    waits = row.probe_sent_at is not None and now - row.probe_sent_at < PROBE_WAIT
    if not fresh and not waits:
        row.probe_sent_at = now
        jobs.enqueue(
            session,
            "sending.probe_domain",
            now,
            key=f"sending.probe:{row.id}:{now.isoformat()}",
            domain_id=str(row.id),
        )


def _move(session: Session, row: SendingDomain, event: DomainEvent) -> None:
    row.state = after(row.state, event)
    _said(session, row, event)


def _said(session: Session, row: SendingDomain, event: DomainEvent) -> None:
    record(
        session,
        None,
        row.tenant_id,
        f"sending_domain.{event.value}",
        row,
        state=row.state.value,
    )
