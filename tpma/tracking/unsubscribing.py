"""A reader stops the mails of a partner, or takes that back: effective as the request commits."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.listings import newest_consent, newest_consents
from tpma.audiences.models import (
    Consent,
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactStatus,
)
from tpma.core.bulk import insert_rows
from tpma.core.db import clock_of
from tpma.core.errors import NotFound
from tpma.core.log import logger
from tpma.identity.service import record as audit
from tpma.sending.events import counting
from tpma.sending.models import DeliveryFact, FactKind, Message
from tpma.system import System
from tpma.tracking import counting as events
from tpma.tracking import queries, service
from tpma.tracking.hits import Hit
from tpma.tracking.models import EventType, Verdict
from tpma.tracking.rules import Ruling, Visit

_log = logger("tracking")
PURPOSE = ConsentPurpose.PARTNER_MARKETING
TAKE_BACK = timedelta(days=1)
# RFC 8058, the button on our page, or a mail to the address of List-Unsubscribe (RFC 2369)
ONE_CLICK, PAGE, MAIL = "one_click", "page", "mail"
_PERSON = Ruling(Verdict.HUMAN, "BOT-10")  # a POST: scanners only look


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody holds the token of a mail and wants no more of them."""

    message_id: int
    visit: Visit
    channel: str
    request_id: str = ""


def unsubscribe(session: Session, message: Message, visit: Visit, channel: str) -> bool:
    """Withdraw, suppress and write down, in the caller's transaction; False if it held already.

    Works as long as the message is known, also when its launch or its sender is long over.
    """
    session.flush()
    [is_new] = stop_all(session, [Stop(message.id, visit, channel)])
    session.refresh(message, ["seen"])
    return bool(is_new)


def stop_all(session: Session, stops: Sequence[Stop]) -> list[bool | None]:
    """Many at once: for each whether it is new, None for a mail that is not known."""
    messages = _messages(session, {stop.message_id for stop in stops})
    people = _people(session, messages.values())
    newest = newest_consents(session, people.values(), PURPOSE)
    facts = _facts(session, messages)
    fresh: dict[tuple[UUID, UUID] | int, Stop] = {}  # the first of each person and purpose
    results: list[bool | None] = []
    for stop in stops:
        message = messages.get(stop.message_id)
        if message is None:
            results.append(None)
            continue
        contact = people.get(message.contact_id) if message.contact_id else None
        known = newest.get(contact.id) if contact else None
        held = known.state is ConsentState.WITHDRAWN if known else message.id in facts
        key = (contact.tenant_id, contact.id) if contact else message.id
        is_new = not held and key not in fresh
        if is_new:
            fresh[key] = stop
        results.append(is_new)
    _withdraw(session, stops, messages, people, newest)
    _keep_facts(session, stops, messages, facts)
    session.flush()
    hits = [
        Hit(EventType.UNSUBSCRIBE, stop.visit, messages[stop.message_id].launch_id, stop.message_id)
        for stop in fresh.values()
    ]
    if hits:
        service.write(session, hits, events.own_shard(), ruling=_PERSON)
    return results


def _messages(session: Session, ids: Collection[int]) -> dict[int, Message]:
    found = session.scalars(select(Message).where(Message.id.in_(ids)))
    return {message.id: message for message in found}


def _people(session: Session, messages: Collection[Message]) -> dict[UUID, Contact]:
    """Whom these mails went to, locked one after the other, so that two requests at once act in
    turn. Without who was erased."""
    tenants = {message.contact_id: message.tenant_id for message in messages if message.contact_id}
    found = session.scalars(
        select(Contact)
        .where(Contact.id.in_(tenants), Contact.tenant_id.in_(set(tenants.values())))
        .order_by(Contact.id)
        .with_for_update()
    )
    return {
        contact.id: contact
        for contact in found
        if contact.tenant_id == tenants[contact.id] and contact.status is not ContactStatus.ERASED
    }


def _withdraw(
    session: Session,
    stops: Sequence[Stop],
    messages: Mapping[int, Message],
    people: Mapping[UUID, Contact],
    newest: Mapping[UUID, Consent],
) -> None:
    """By the way each person was first heard of."""
    channels: dict[str, list[audiences.Leaving]] = {}
    heard: set[UUID] = set()
    for stop in stops:
        message = messages.get(stop.message_id)
        contact = people.get(message.contact_id) if message and message.contact_id else None
        if contact is not None and contact.id not in heard:
            heard.add(contact.id)
            leaving = audiences.Leaving(contact, newest.get(contact.id), stop.request_id)
            channels.setdefault(stop.channel, []).append(leaving)
    for channel, leavers in channels.items():
        audiences.withdraw_all(session, leavers, PURPOSE, channel)


def _facts(session: Session, ids: Collection[int]) -> set[int]:
    return set(
        session.scalars(
            select(DeliveryFact.message_id).where(
                DeliveryFact.message_id.in_(ids), DeliveryFact.kind == FactKind.UNSUBSCRIBED
            )
        )
    )


def _keep_facts(
    session: Session, stops: Sequence[Stop], messages: Mapping[int, Message], facts: set[int]
) -> None:
    """Facts only add up: taken back or repeated, a message has at most one of this kind."""
    rows = []
    for stop in stops:
        if stop.message_id in messages and stop.message_id not in facts:
            facts.add(stop.message_id)
            own = {"message_id": stop.message_id, "at": stop.visit.at, "detail": stop.channel}
            rows.append({**own, "kind": FactKind.UNSUBSCRIBED, "subtype": "", "dedupe": ""})
    insert_rows(session, DeliveryFact, rows)


def by_mail(system: System, token: str, at: datetime) -> str:
    """Unsubscribe the one reader whom the token in a mail names; "applied", "repeated" or
    "forged". The sender's address proves nothing and is not looked at."""
    with system.db.transaction() as session:
        try:
            message = queries.message_of(session, system.signer, token)
        except NotFound:
            result = "forged"
            _log.warning("unsubscribe by mail names nobody", token=bool(token))
        else:
            visit = Visit(at=at, method="POST")
            result = "applied" if unsubscribe(session, message, visit, MAIL) else "repeated"
        counting.count(session, system.clock(), "mail", "unsubscribe", result)
    return result


def resubscribe(session: Session, message: Message) -> bool:
    """Take back what was stopped through this mail within the last day; False if there is nothing.

    Who holds the mail's token has read the mail: that is the proof a double opt-in asks for. A
    complaint, an erasure or a withdrawal made elsewhere is left alone.
    """
    contact = _contact(session, message)
    if contact is None or not _may_take_back(session, message, contact):
        return False
    evidence = {"channel": "undo", "message": message.id}
    audiences.record_consent(
        session,
        contact,
        PURPOSE,
        ConsentBasis.CONSENT,
        locale=message.locale,
        evidence=evidence,
        state=ConsentState.PENDING_DOI,
    )
    audiences.confirm_consent(session, contact, PURPOSE, evidence)
    audit(session, None, message.tenant_id, "consent.restored", contact, message=message.id)
    return True


def _contact(session: Session, message: Message) -> Contact | None:
    """The person, locked, so that two requests at once act one after the other."""
    found = session.scalar(
        select(Contact)
        .where(Contact.id == message.contact_id, Contact.tenant_id == message.tenant_id)
        .with_for_update()
    )
    return found if found and found.status is not ContactStatus.ERASED else None


def _may_take_back(session: Session, message: Message, contact: Contact) -> bool:
    newest = newest_consent(session, contact, PURPOSE)
    if newest is None or newest.state is not ConsentState.WITHDRAWN:
        return False
    ours = newest.evidence.get("channel") in (ONE_CLICK, PAGE, MAIL)
    lately = clock_of(session)() - newest.at <= TAKE_BACK
    return ours and lately and bool(_facts(session, [message.id]))
