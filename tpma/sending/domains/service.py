"""Decisions about a sending domain: ask for it, look now, stop it, remove it."""

import secrets
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation, OrganisationKind
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.sending.domains import link_hosts, looking, queries, senders
from tpma.sending.domains.models import DomainState, SendingDomain
from tpma.sending.domains.rules import AGAIN, DomainEvent, after, wanted_domain
from tpma.system import System

MOST = 10  # domains of one partner


def claim(
    session: Session, system: System, actor: Actor, text: str, *, as_it_is: bool = False
) -> SendingDomain:
    """A partner wants to send from this domain. Raises Invalid(field="domain") with the cure.

    Nothing is proved yet, so several may ask for one domain; whose it is DNS decides.
    """
    domain = wanted_domain(text, as_it_is=as_it_is)
    _refuse_platforms(domain, system.settings.mail_domain)
    mine = queries.of_tenant(session, actor.organisation_id)
    if any(one.domain == domain for one in mine):
        raise Invalid(_("%(domain)s is already in your list.", domain=domain), field="domain")
    if len(mine) >= MOST:
        raise Invalid(_("You have %(most)s domains. Remove one first.", most=MOST), field="domain")
    if queries.holder(session, domain) is not None:
        raise Invalid(
            _(
                "Another company sends from %(domain)s. If it is yours, tell those who run this "
                "platform; else choose another sub-domain.",
                domain=domain,
            ),
            field="domain",
        )
    now = clock_of(session)()
    made = SendingDomain(
        tenant_id=actor.organisation_id,
        domain=domain,
        transport=system.settings.mail,
        challenge=f"tpma-verify={secrets.token_urlsafe(24)}",
        check_at=now + AGAIN,
    )
    session.add(made)
    session.flush()
    record(session, actor, made.tenant_id, "sending_domain.claimed", made)
    looking.ask_for_look(session, made, now)
    return made


def _refuse_platforms(domain: str, platforms: str) -> None:
    if domain == platforms or domain.endswith(f".{platforms}"):
        raise Invalid(
            _("%(domain)s belongs to this platform. Enter your own domain.", domain=domain),
            field="domain",
        )


def look_now(session: Session, actor: Actor, row: SendingDomain) -> None:
    """Somebody has added records and does not want to wait; the three days begin again."""
    _refuse_removed(row)
    now = clock_of(session)()
    if row.state is DomainState.PENDING_DNS:
        row.asked_at = now
    row.check_at = now + AGAIN
    looking.ask_for_look(session, row, now)


def suspend(session: Session, actor: Actor, row: SendingDomain) -> int:
    """The operator stops a domain; how many launches that held."""
    row.state = after(row.state, DomainEvent.SUSPENDED)
    record(session, actor, row.tenant_id, "sending_domain.suspended", row)
    _tell_provider(session, row, enabled=False)
    return senders.hold_launches(session, row)


def lift(session: Session, actor: Actor, row: SendingDomain) -> None:
    """Looked at once more before anything leaves by it."""
    row.state = after(row.state, DomainEvent.LIFTED)
    record(session, actor, row.tenant_id, "sending_domain.lifted", row)
    _tell_provider(session, row, enabled=True)
    looking.ask_for_look(session, row, clock_of(session)())


def _tell_provider(session: Session, row: SendingDomain, *, enabled: bool) -> None:
    jobs.enqueue(
        session,
        "sending.set_tenant_sending",
        clock_of(session)(),
        tenant_id=str(row.tenant_id),
        enabled=enabled,
    )


def remove(session: Session, actor: Actor, row: SendingDomain) -> int:
    """The next launches leave from the shared domain; how many under way were paused.

    Links in mails that were sent lead to the platform, or to a link host that is answered as long
    as its record stands: unsubscribing works on. The row stays, as what those mails came from; the
    provider forgets the domain.
    """
    _refuse_removed(row)
    owner = session.get_one(Organisation, row.tenant_id)
    if owner.kind is OrganisationKind.OPERATOR:
        raise Conflict(_("The shared domain is what TPMA_MAIL_DOMAIN says; change it there."))
    held = senders.hold_launches(session, row)
    row.state = after(row.state, DomainEvent.REMOVED)
    row.ended_at = clock_of(session)()
    row.check_at = None
    link_hosts.end(session, row, row.ended_at)
    record(session, actor, row.tenant_id, "sending_domain.removed", row)
    jobs.enqueue(session, "sending.tear_down_domain", row.ended_at, domain_id=str(row.id))
    return held


def _refuse_removed(row: SendingDomain) -> None:
    if row.state is DomainState.RETIRED:
        raise Conflict(_("This domain was removed. Enter it again to send from it."))


def tear_down(system: System, domain_id: UUID) -> None:
    """The provider forgets a removed domain, unless somebody else asks for the same one."""
    with system.db.reading() as session:
        row = session.get_one(SendingDomain, domain_id)
        wanted = row.state is not DomainState.RETIRED or queries.is_shared(session, row)
        domain = row.domain
    if not wanted and system.provisioner is not None:
        system.provisioner.teardown(domain)


def set_tenant_sending(system: System, tenant_id: UUID, *, enabled: bool) -> None:
    """Tell the provider, where it knows this partner apart from the others."""
    with system.db.reading() as session:
        kept = queries.tenant_of(session, tenant_id, system.settings.mail)
        stopped = session.scalar(
            select(SendingDomain.id)
            .where(SendingDomain.tenant_id == tenant_id)
            .where(SendingDomain.state == DomainState.SUSPENDED)
            .limit(1)
        )
    if kept is None or system.provisioner is None or (enabled and stopped is not None):
        return
    system.provisioner.set_tenant_sending(looking.state_of(kept), enabled)
