"""A reader stops the mails of a partner, or takes that back: effective as the request commits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from tpma.audiences import service as audiences
from tpma.audiences.listings import Standing, newest_consent, standing
from tpma.audiences.models import (
    ConsentBasis,
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactStatus,
)
from tpma.core.bulk import insert_free
from tpma.core.db import clock_of, one_of, values
from tpma.core.errors import NotFound
from tpma.core.log import logger
from tpma.core.prepared import Prepared
from tpma.identity.service import record as audit
from tpma.sending.events import counting
from tpma.sending.models import DeliveryFact, FactKind, Message
from tpma.system import System
from tpma.tracking import counting as events
from tpma.tracking import judging, queries, service
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
    ids = sorted({stop.message_id for stop in stops})
    people = _people(session, ids)
    mails = judging.mails(session, ids)
    held = standing(session, people.values(), PURPOSE)
    strangers = [id_ for id_ in mails if id_ not in people or people[id_].id not in held]
    told = _told(session, strangers)
    firsts: dict[UUID | int, Stop] = {}  # of each person
    fresh: list[Stop] = []
    results: list[bool | None] = []
    for stop in stops:
        if stop.message_id not in mails:
            results.append(None)
            continue
        person = people.get(stop.message_id)
        key = person.id if person else stop.message_id
        known = held.get(person.id) if person else None
        has_left = known.state is ConsentState.WITHDRAWN if known else stop.message_id in told
        is_new = not has_left and key not in firsts
        firsts.setdefault(key, stop)
        if is_new:
            fresh.append(stop)
        results.append(is_new)
    _withdraw(session, firsts.values(), people, held)
    _keep_facts(session, [stop for stop in stops if stop.message_id in mails])
    hits = [
        Hit(EventType.UNSUBSCRIBE, stop.visit, mails[stop.message_id].launch_id, stop.message_id)
        for stop in fresh
    ]
    if hits:
        service.write(session, hits, events.own_shard(), ruling=_PERSON, mails=mails)
    return results


def _people(session: Session, ids: Sequence[int]) -> dict[int, audiences.Person]:
    """Whom these mails went to, locked one after the other, so that two requests at once act in
    turn. Without who was erased."""
    found = _people_asked.rows(session, ids=values(session, ids))
    return {row[0]: audiences.Person(*row[1:]) for row in found}


@Prepared
def _people_asked(session: Session) -> Any:
    is_theirs = and_(Contact.id == Message.contact_id, Contact.tenant_id == Message.tenant_id)
    columns = (Contact.id, Contact.tenant_id, Contact.locale, Contact.email, Contact.hmac)
    return (
        select(Message.id, *columns)
        .join(Contact, is_theirs)
        .where(one_of(session, Message.id, "ids"), Contact.status != ContactStatus.ERASED)
        .order_by(Contact.id)
        .with_for_update(of=Contact)
    )


def _withdraw(
    session: Session,
    stops: Iterable[Stop],
    people: Mapping[int, audiences.Person],
    held: Mapping[UUID, Standing],
) -> None:
    """By the way each person was first heard of."""
    channels: dict[str, list[audiences.Leaving]] = {}
    for stop in stops:
        person = people.get(stop.message_id)
        if person is not None:
            leaving = audiences.Leaving(person, held.get(person.id), stop.request_id)
            channels.setdefault(stop.channel, []).append(leaving)
    for channel, leavers in channels.items():
        audiences.withdraw_all(session, leavers, PURPOSE, channel)


def _told(session: Session, ids: Collection[int]) -> set[int]:
    """The mails among these that somebody unsubscribed by."""
    if not ids:
        return set()
    return {row[0] for row in _told_asked.rows(session, ids=values(session, [*ids]))}


@Prepared
def _told_asked(session: Session) -> Any:
    return select(DeliveryFact.message_id).where(
        one_of(session, DeliveryFact.message_id, "ids"), DeliveryFact.kind == FactKind.UNSUBSCRIBED
    )


def _keep_facts(session: Session, stops: Sequence[Stop]) -> None:
    """Facts only add up: taken back or repeated, a message has at most one of this kind."""
    firsts: dict[int, Stop] = {}
    for stop in stops:
        firsts.setdefault(stop.message_id, stop)
    rows = [
        {"message_id": id_, "at": stop.visit.at, "detail": stop.channel}
        for id_, stop in sorted(firsts.items())
    ]
    kind = FactKind.UNSUBSCRIBED
    insert_free(session, DeliveryFact, rows, kind=kind, subtype="", dedupe="")


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
    return ours and lately and bool(_told(session, [message.id]))
