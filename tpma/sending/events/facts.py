"""What an event adds to the ledger. Facts only add up, and any order of events ends the same:
of two times the earlier stands, of two details the one that came with it."""

import hashlib
from datetime import datetime

from sqlalchemy import and_, or_, update
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.ports.events import BounceType, DeliveryEvent, EventKind
from tpma.ports.mail import Outcome, SendResult
from tpma.sending import outcomes
from tpma.sending.models import Attempt, DeliveryFact, FactKind, Message, SendState

ON_ACCOUNT_LIST = "OnAccountSuppressionList"
NOT_SPAM = "not-spam"
_KINDS = {
    EventKind.DELIVERY: FactKind.DELIVERED,
    EventKind.DELAY: FactKind.DELAYED,
    EventKind.REJECT: FactKind.REJECTED,
    EventKind.RENDERING_FAILURE: FactKind.REJECTED,
}


def fact_of(event: DeliveryEvent) -> FactKind | None:
    """The fact an event stands for, if any.

    A complaint "OnAccountSuppressionList" is nobody's: SES held the mail back because of an
    earlier one, so this mail never arrived. "Not spam" takes no complaint back and is none.
    """
    if event.kind is EventKind.BOUNCE:
        hard = event.bounce is BounceType.PERMANENT
        return FactKind.BOUNCED_HARD if hard else FactKind.BOUNCED_SOFT
    if event.kind is EventKind.COMPLAINT:
        if event.subtype.lower().replace("_", "-") == NOT_SPAM:
            return None
        held_back = event.subtype == ON_ACCOUNT_LIST
        return FactKind.BOUNCED_HARD if held_back else FactKind.COMPLAINED
    return _KINDS.get(event.kind)


def prove_accepted(session: Session, attempt: Attempt, event: DeliveryEvent) -> None:
    """T13: any event that names an attempt proves that the provider took it.

    The earliest moment known stands, so that the order of events does not matter.
    """
    at = min(event.at, event.handed_over_at or event.at)
    proof = SendResult(Outcome.ACCEPTED, event.provider_id or None, code="event")
    outcomes.close_attempt(session, attempt.id, proof)
    mine = Message.id == attempt.message_id
    session.execute(
        update(Message)
        .where(mine, Message.send_state.in_(outcomes.MOVES[Outcome.ACCEPTED][0]))
        .values(send_state=SendState.ACCEPTED, accepted_at=at)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Message)
        .where(mine, Message.send_state == SendState.ACCEPTED)
        .where(or_(Message.accepted_at.is_(None), Message.accepted_at > at))
        .values(accepted_at=at)
        .execution_options(synchronize_session=False)
    )
    if event.provider_id:
        _name(session, attempt, event.provider_id)
    add(session, attempt.message_id, FactKind.ACCEPTED, at)


def _name(session: Session, attempt: Attempt, provider_id: str) -> None:
    """Write the provider's id down. Of two copies' ids the lower stands, whichever came first."""
    session.execute(
        update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.provider_id.is_(None))
        .values(provider_id=provider_id)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Message)
        .where(Message.id == attempt.message_id)
        .where(or_(Message.provider_id.is_(None), Message.provider_id > provider_id))
        .values(provider_id=provider_id)
        .execution_options(synchronize_session=False)
    )


def add(
    session: Session,
    message_id: int,
    kind: FactKind,
    at: datetime,
    *,
    detail: str = "",
    subtype: str = "",
    unique: str = "",
) -> None:
    """Add a fact, or bring a known one back to its earliest moment."""
    told = upsert(session, DeliveryFact).values(
        message_id=message_id,
        kind=kind,
        at=at,
        detail=detail[:200],
        subtype=subtype[:40],
        dedupe=unique if len(unique) <= 64 else hashlib.sha256(unique.encode()).hexdigest(),
    )
    new = told.excluded
    known = DeliveryFact
    session.execute(
        told.on_conflict_do_update(
            index_elements=["message_id", "kind", "dedupe"],
            set_={"at": new.at, "detail": new.detail, "subtype": new.subtype},
            where=or_(new.at < known.at, and_(new.at == known.at, new.detail < known.detail)),
        )
    )
