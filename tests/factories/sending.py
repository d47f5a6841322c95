"""A ledger looked at, and pushed along: what tests of sending ask for again and again."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from tests.factories.base import bound, save
from tpma.core.db import Database, clock_of
from tpma.identity.models import Organisation
from tpma.launches import service as launches
from tpma.launches.models import Launch
from tpma.ports.events import BounceType, DeliveryEvent, EventKind
from tpma.ports.mail import MailTransport
from tpma.sending.domains.checks import PURPOSES
from tpma.sending.domains.models import DomainState, LinkHost, SendingDomain
from tpma.sending.domains.records import ownership, to_json
from tpma.sending.models import Attempt, DeliveryFact, Message, OutboxMail
from tpma.system import System


def domain(company: Organisation, name: str, **given: Any) -> SendingDomain:
    """A sending domain all of whose records stand, or as `given` says."""
    stands = {"verdict": "ok", "found": [], "behind": [], "name": "", "trouble": ""}
    values = {
        "transport": "outbox",
        "challenge": "tpma-verify=x",
        "state": DomainState.ACTIVE,
        "records": [to_json(ownership(name, "tpma-verify=x"))],
        "checks": {purpose: dict(stands) for purpose in PURPOSES},
        "dkim_domain": name,
        "dkim_bits": 2048,
        "mail_from": f"bounce.{name}",
        "rejects_without_mx": True,
        "dmarc": ["v=DMARC1; p=quarantine; rua=mailto:d@brightline.com"],
    } | given
    return save(SendingDomain(tenant_id=company.id, domain=name, **values))


def by(system: System, mail: MailTransport, **settings: Any) -> System:
    """The system with another transport, and settings changed."""
    return replace(system, mail=mail, settings=system.settings.model_copy(update=settings))


def pause(db: Database, launch: Launch) -> None:
    """Somebody else pauses it now."""
    with db.transaction() as session:
        launches.pause(session, None, launches.get(session, launch.tenant_id, launch.id))


def messages(db: Database, launch_id: UUID, step: int = 1) -> list[Message]:
    with db.reading() as session:
        return list(
            session.scalars(
                select(Message)
                .where(Message.launch_id == launch_id, Message.step == step)
                .order_by(Message.id)
            )
        )


def states(db: Database, launch_id: UUID, step: int = 1) -> list[str]:
    """The state of each message, sorted."""
    return sorted(message.send_state.value for message in messages(db, launch_id, step))


def attempts(db: Database) -> list[Attempt]:
    with db.reading() as session:
        return list(session.scalars(select(Attempt).order_by(Attempt.message_id, Attempt.n)))


def facts(db: Database, message_id: int) -> set[tuple[str, datetime, str]]:
    with db.reading() as session:
        rows = session.scalars(select(DeliveryFact).where(DeliveryFact.message_id == message_id))
        return {(row.kind.value, row.at, row.dedupe) for row in rows}


def launch(db: Database, launch_id: UUID) -> Launch:
    with db.reading() as session:
        return session.get_one(Launch, launch_id)


# The word for a fact → what a provider tells that makes it.
TOLD: dict[str, dict[str, Any]] = {
    "send": {"kind": EventKind.SEND},
    "delivered": {"kind": EventKind.DELIVERY},
    "delayed": {"kind": EventKind.DELAY},
    "bounced_hard": {
        "kind": EventKind.BOUNCE,
        "bounce": BounceType.PERMANENT,
        "subtype": "NoEmail",
    },
    "bounced_soft": {
        "kind": EventKind.BOUNCE,
        "bounce": BounceType.TRANSIENT,
        "subtype": "General",
    },
    "complained": {"kind": EventKind.COMPLAINT, "subtype": "abuse"},
    "not-spam": {"kind": EventKind.COMPLAINT, "subtype": "not-spam"},
    "rejected": {"kind": EventKind.REJECT},
}


def event(attempt_id: UUID | str, kind: str, at: datetime, **given: Any) -> DeliveryEvent:
    """An event of the kind that makes this fact; a word of no kind is unknown to us."""
    values: dict[str, Any] = {"source": "fake", "environment": "local", "unique": ""}
    values |= TOLD.get(kind, {"kind": EventKind.UNKNOWN, "told": kind})
    named = attempt_id.hex if isinstance(attempt_id, UUID) else attempt_id
    return DeliveryEvent(**(values | {"attempt_id": named, "at": at} | given))


def owner() -> str:
    return str(uuid4())


def mails_of(db: Database, **where: Any) -> list[OutboxMail]:
    with db.reading() as session:
        return list(session.scalars(select(OutboxMail).filter_by(**where).order_by(OutboxMail.id)))


def first_of(db: Database, box: dict[str, Any]) -> OutboxMail:
    """The first mail of the launch of the `box` fixture."""
    return mails_of(db, launch_id=box["launch"].id)[0]


def link_host(domain_row: SendingDomain, host: str, **given: Any) -> LinkHost:
    """A host for links whose record stands, or as `given` says."""
    now = clock_of(bound())()
    values = {"asked_at": now, "checked_at": now, "stands_since": now, "stood_first_at": now}
    return save(
        LinkHost(
            tenant_id=domain_row.tenant_id, domain_id=domain_row.id, host=host, **values | given
        )
    )
