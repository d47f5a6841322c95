"""What is known of the way out, for the check before a launch: stored facts, nobody is asked."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.core.text import email_address
from tpma.identity.models import Membership, User, UserStatus
from tpma.launches.models import Launch, LaunchState
from tpma.ports.dns import Told
from tpma.ports.identities import SHARED
from tpma.sending.domains import mending, queries, senders
from tpma.sending.domains.checks import Verdict
from tpma.sending.domains.models import HELD, DomainState, ReplyHost, SendingDomain
from tpma.sending.facts import AccountFacts, DomainFacts, ReplyFacts
from tpma.sending.models import ProviderAccount
from tpma.system import System

_REPLY_HOSTS_KEPT = timedelta(days=1)
_MOST_REPLY_HOSTS = 20
_OPEN = (LaunchState.DRAFT, LaunchState.READY, LaunchState.SCHEDULED)


@dataclass(frozen=True, slots=True)
class WayOut:
    """None where the transport needs none of it."""

    domain: DomainFacts | None = None
    reply: ReplyFacts | None = None
    account: AccountFacts | None = None


def of(session: Session, system: System, launch: Launch, from_address: str) -> WayOut:
    """`from_address` is what the launch's mails come from."""
    if system.provisioner is None:
        return WayOut()
    own = senders.of_launch(session, system.settings, launch)
    row = own or senders.shared(session, system.settings)
    return WayOut(
        domain=_domain(row, from_address.rpartition("@")[2], launch, system),
        reply=_reply(session, launch),
        account=_account(session, system, launch, own),
    )


def _domain(row: SendingDomain | None, domain: str, launch: Launch, system: System) -> DomainFacts:
    """Of a domain nobody has looked at yet nothing is known, and the rules say so."""
    row = row or SendingDomain(domain=domain, state=DomainState.UNVERIFIED, dkim_bits=0)
    verdicts = {purpose: Verdict(kept["verdict"]) for purpose, kept in (row.checks or {}).items()}
    signs_itself = verdicts.get("dkim") is Verdict.UNNEEDED  # the relay; a test mail may show it
    proven = bool(row.probe_aligned)
    stopped = row.state is DomainState.SUSPENDED
    return DomainFacts(
        domain=domain,
        owner="partner" if row.tenant_id == launch.tenant_id else "platform",
        verified=row.state in HELD and not stopped,
        dkim_domain=row.dkim_domain or (row.domain if signs_itself and proven else ""),
        dkim_verified=proven if signs_itself else verdicts.get("dkim") is Verdict.OK,
        dkim_bits=row.dkim_bits,
        mail_from=row.mail_from or "",
        mail_from_verified=verdicts.get("return_path") is Verdict.OK
        and verdicts.get("spf") is Verdict.OK,
        rejects_without_mx=bool(row.rejects_without_mx),
        dmarc=tuple(row.dmarc or ()),
        dmarc_none_since=row.dmarc_none_since,
        signed_headers=frozenset(row.signed_headers or ()),
        probed_at=row.probed_at,
        probe_aligned=proven,
        provable=system.seed is not None,
        signed_elsewhere=signs_itself,
        suspended=stopped,
        doubted=row.problem == mending.DOUBTED,
    )


def _reply(session: Session, launch: Launch) -> ReplyFacts | None:
    """Somebody who has joined by a link we mailed to that address reads it."""
    if not launch.reply_to:
        return None
    address = email_address(launch.reply_to)
    kept = session.get(ReplyHost, address.domain)
    reader = session.scalar(
        select(User.id)
        .join(Membership, Membership.user_id == User.id)
        .where(User.email_norm == address.norm, User.status == UserStatus.ACTIVE)
        .where(Membership.organisation_id == launch.tenant_id, Membership.ended_at.is_(None))
        .where(Membership.pending.is_(False))
        .limit(1)
    )
    return ReplyFacts(has_mx=kept.has_mx if kept else None, confirmed=reader is not None)


def _account(
    session: Session, system: System, launch: Launch, own: SendingDomain | None
) -> AccountFacts | None:
    """The provider's word on the account, and on the partner's place in it where it has one."""
    told = session.get(ProviderAccount, system.settings.mail)
    if told is None or told.enforcement == "NONE":  # a transport without limits of its own
        return None
    kept = queries.tenant_of(session, launch.tenant_id, system.settings.mail)
    if own is None and kept is not None and SHARED not in kept.associated:
        kept = None  # its mails leave without a tenant
    return AccountFacts(
        sandbox=told.sandbox,
        sending_enabled=told.sending_enabled,
        enforcement=told.enforcement,
        tenant_status=kept.status if kept else "ENABLED",
        associated=frozenset(kept.associated) if kept and own else None,
    )


def ask_reply_hosts(system: System) -> int:
    """Sweep: does anybody take mail for the domains answers to coming launches go to?"""
    if system.provisioner is None or system.dns is None:
        return 0
    now = system.clock()
    with system.db.reading() as session:
        wanted = _wanted_reply_hosts(session)
        known = session.scalars(
            select(ReplyHost.domain)
            .where(ReplyHost.domain.in_(wanted))
            .where(ReplyHost.read_at > now - _REPLY_HOSTS_KEPT)
        ).all()
    asked = sorted(wanted - set(known))[:_MOST_REPLY_HOSTS]
    for domain in asked:
        found = _takes_mail(system, domain)
        if found is None:
            continue  # nobody answered: what is known stays
        values: dict[str, Any] = {"has_mx": found, "read_at": now}
        with system.db.transaction() as session:
            session.execute(
                upsert(session, ReplyHost)
                .values({"domain": domain} | values)
                .on_conflict_do_update(index_elements=["domain"], set_=values)
            )
    return len(asked)


def _wanted_reply_hosts(session: Session) -> set[str]:
    rows = session.scalars(select(Launch.reply_to).where(Launch.state.in_(_OPEN)).distinct())
    return {address.rpartition("@")[2].lower() for address in rows if "@" in address}


def _takes_mail(system: System, domain: str) -> bool | None:
    """An MX, or an address where there is none (RFC 5321 § 5.1); "0 ." takes none (RFC 7505)."""
    assert system.dns is not None
    mx = system.dns.ask(domain, "MX")
    if mx.told is Told.FAILED:
        return None
    if mx.values:
        return any(value.split()[-1] not in (".", "0") for value in mx.values)
    host = system.dns.ask(domain, "A")
    return None if host.told is Told.FAILED else bool(host.values)
