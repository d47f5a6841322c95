"""The mailbox: what the local outbox keeps, for those whose launch it was. Reads only.

`tenant_id` is the partner that looks; None is the operator, who sees notices too. Of the notices
a partner sees its own proofs only: others carry invitations and recovery links of its people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, or_, select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.core.errors import Invalid, NotFound
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.launches import codes
from tpma.launches.models import Launch, Link
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    FactKind,
    Message,
    Notice,
    OutboxMail,
    SendState,
)
from tpma.sending.rules import shown_status

PROOF = "proof:"  # what the causes of proofs begin with


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address of a list asks for; empty means all."""

    words: str = ""
    launch_id: UUID | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list. `status` is a state of the "message" chips, "" for a notice."""

    id: int
    name: str
    subject: str
    at: datetime
    status: str
    clicked: bool


def visible(tenant_id: UUID | None) -> list[ColumnElement[bool]]:
    """The conditions of a mail that this tenant (None: the operator) may see."""
    if tenant_id is None:
        return []
    proofs = select(Notice.id).where(Notice.tenant_id == tenant_id, Notice.cause.startswith(PROOF))
    shown = or_(OutboxMail.message_id.is_not(None), OutboxMail.notice_id.in_(proofs))
    return [OutboxMail.tenant_id == tenant_id, shown]


def listing(session: Session, tenant_id: UUID | None, wanted: Wanted, most: int) -> list[Listed]:
    """Newest first, from `wanted.before` on."""
    query = _joined().where(*visible(tenant_id), *_matching(wanted))
    if wanted.before is not None:
        query = query.where(OutboxMail.id < wanted.before)
    rows = session.execute(query.order_by(OutboxMail.id.desc()).limit(most)).all()
    known = _facts(session, [row.message_id for row in rows if row.message_id])
    return [_listed(row, known.get(row.message_id, set())) for row in rows]


def count(session: Session, tenant_id: UUID | None, wanted: Wanted) -> int:
    return (
        session.scalar(
            select(func.count(OutboxMail.id)).where(*visible(tenant_id), *_matching(wanted))
        )
        or 0
    )


def _joined() -> Any:
    return (
        select(
            OutboxMail.id,
            OutboxMail.message_id,
            OutboxMail.recipient,
            OutboxMail.subject,
            OutboxMail.at,
            Message.send_state,
            Message.clicked_at,
            Contact.given_name,
            Contact.family_name,
        )
        .outerjoin(Message, Message.id == OutboxMail.message_id)
        .outerjoin(Contact, Contact.id == Message.contact_id)
    )


def _matching(wanted: Wanted) -> list[ColumnElement[bool]]:
    """A whole campaign code is looked for as such, however it was typed."""
    found: list[ColumnElement[bool]] = []
    if wanted.launch_id is not None:
        found.append(OutboxMail.launch_id == wanted.launch_id)
    if wanted.words:
        try:
            found.append(OutboxMail.campaign_code == codes.normalise(wanted.words))
        except Invalid:
            columns = (OutboxMail.recipient, OutboxMail.subject, OutboxMail.campaign_code)
            found.append(or_(*(c.icontains(wanted.words, autoescape=True) for c in columns)))
    return found


def _facts(session: Session, message_ids: Sequence[int]) -> dict[int, set[FactKind]]:
    found: dict[int, set[FactKind]] = {}
    rows = session.execute(
        select(DeliveryFact.message_id, DeliveryFact.kind).where(
            DeliveryFact.message_id.in_(message_ids)
        )
    )
    for message_id, kind in rows:
        found.setdefault(message_id, set()).add(kind)
    return found


def _listed(row: Row[Any], facts: set[FactKind]) -> Listed:
    name = " ".join(filter(None, (row.given_name, row.family_name)))
    return Listed(
        id=row.id,
        name=name or row.recipient,
        subject=row.subject,
        at=row.at,
        status=status(row.send_state, facts),
        clicked=row.clicked_at is not None,
    )


def status(state: SendState | None, facts: set[FactKind]) -> str:
    """The one word for a mail; who unsubscribed matters more than that it arrived."""
    if state is None:
        return ""
    shown = shown_status(state, facts)
    arrived = shown in {FactKind.DELIVERED.value, FactKind.ACCEPTED.value}
    return "unsubscribed" if arrived and FactKind.UNSUBSCRIBED in facts else shown


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept mail and what the ledger says of it; a notice has no message, launch or person."""

    row: OutboxMail
    message: Message | None
    launch: Launch | None
    partner: Organisation | None
    person: Contact | None
    facts: list[DeliveryFact]
    attempts: list[Attempt]
    links: dict[int, Link]

    @property
    def status(self) -> str:
        state = self.message.send_state if self.message else None
        return status(state, {fact.kind for fact in self.facts})

    @property
    def name(self) -> str:
        parts = (self.person.given_name, self.person.family_name) if self.person else ()
        return " ".join(filter(None, parts)) or self.row.recipient


def kept(session: Session, tenant_id: UUID | None, mail_id: int) -> Kept:
    """Raises NotFound for a mail of another tenant, and for a partner who asks for a notice."""
    row = session.scalar(select(OutboxMail).where(OutboxMail.id == mail_id, *visible(tenant_id)))
    if row is None:
        raise NotFound(_("There is no such mail."))
    message = session.get(Message, row.message_id) if row.message_id else None
    if message is None:
        return Kept(row, None, None, None, None, [], [], {})
    return Kept(
        row=row,
        message=message,
        launch=session.get_one(Launch, message.launch_id),
        partner=session.get_one(Organisation, message.tenant_id),
        person=session.get(Contact, message.contact_id) if message.contact_id else None,
        facts=_facts_of(session, message),
        attempts=_attempts_of(session, message),
        links=_links_of(session, message),
    )


def _facts_of(session: Session, message: Message) -> list[DeliveryFact]:
    return list(
        session.scalars(
            select(DeliveryFact)
            .where(DeliveryFact.message_id == message.id)
            .order_by(DeliveryFact.at, DeliveryFact.id)
        )
    )


def _attempts_of(session: Session, message: Message) -> list[Attempt]:
    return list(
        session.scalars(select(Attempt).where(Attempt.message_id == message.id).order_by(Attempt.n))
    )


def _links_of(session: Session, message: Message) -> dict[int, Link]:
    rows = session.scalars(select(Link).where(Link.launch_id == message.launch_id))
    return {link.number: link for link in rows}


def copies(session: Session, message: Message) -> int:
    """Mails this person was to get in this step: 1, by the ledger's unique key."""
    return (
        session.scalar(
            select(func.count(Message.id)).where(
                Message.launch_id == message.launch_id,
                Message.step == message.step,
                Message.rcpt_key == message.rcpt_key,
            )
        )
        or 0
    )
