"""Decisions about a link host: ask for one below a sending domain, give it up."""

from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.core.settings import Settings
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.sending.domains import link_hosts, link_rules, looking
from tpma.sending.domains.models import DomainState, LinkHost, SendingDomain
from tpma.system import System

READY = (DomainState.VERIFIED, DomainState.ACTIVE)


def is_offered(system: System) -> bool:
    """Whether this installation answers hosts of partners, and somebody can look at their DNS."""
    return bool(system.settings.link_target) and system.provisioner is not None


def claim(
    session: Session, system: System, actor: Actor, row: SendingDomain, typed: str
) -> LinkHost:
    """Links of the partner's next launches shall run over this host, once its record stands.

    `row` is locked. Raises Invalid(field="link_host") with the cure.
    """
    if not is_offered(system) or row.state not in READY:
        raise Conflict(_("A host for links can be added once all records of the domain are right."))
    host = link_rules.wanted_host(
        typed,
        row.domain,
        platform=_platforms(system.settings),
        taken={row.mail_from, *(one["name"] for one in row.records)},
    )
    now = clock_of(session)()
    before = link_hosts.of_domain(session, row)
    if before is not None and before.host == host:
        return before
    made = link_hosts.by_name(session, host) or LinkHost(tenant_id=row.tenant_id, host=host)
    if made.tenant_id != row.tenant_id:
        raise _taken(host)
    link_hosts.end(session, row, now)
    made.domain_id, made.ended_at, made.asked_at, made.finding = row.id, None, now, {}
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as error:  # somebody else's, this very moment
        raise _taken(host) from error
    record(session, actor, row.tenant_id, "link_host.claimed", made)
    looking.ask_for_look(session, row, now)
    return made


def _platforms(settings: Settings) -> set[str]:
    base = urlsplit(settings.base_url).hostname or ""
    return {base, settings.link_target.lower(), settings.mail_domain.lower()} - {""}


def _taken(host: str) -> Invalid:
    return Invalid(
        _("Another company’s links run over %(host)s. Choose another name.", host=host),
        field="link_host",
    )


def give_up(session: Session, actor: Actor, row: SendingDomain) -> None:
    """The next launches' links run over the platform's host again."""
    ended = link_hosts.end(session, row, clock_of(session)())
    if ended is not None:
        record(session, actor, row.tenant_id, "link_host.removed", ended)
