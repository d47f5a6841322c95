"""The intent to submit, T6 and T7: everything that is asked and written in that one transaction.

The statements are put together once: for a wave of twenty, building them anew costs more than
what the database does for them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, bindparam, select, update
from sqlalchemy.orm import Session, load_only

from tpma.audiences import queries as audiences
from tpma.audiences.models import Contact
from tpma.core.bulk import insert_rows
from tpma.core.db import one_of, one_writer, per_dialect, values
from tpma.launches.models import Launch
from tpma.sending import lanes, planning, sequences
from tpma.sending.envelopes import raw_hash
from tpma.sending.handing_over import CALL_SECONDS, LONGEST_CALL
from tpma.sending.leases import Lease
from tpma.sending.models import Attempt, Message, SendChunk, SendState
from tpma.sending.preparing import Prepared
from tpma.system import System

GRACE = timedelta(seconds=10)


def write(
    session: Session, system: System, lease: Lease, prepared: Sequence[Prepared], now: datetime
) -> list[Prepared] | None:
    """Those that are now ours to send; None if the lease is lost or the launch runs no more."""
    renewed = _renewed(session, system, lease, now)
    if renewed is None:
        return None
    run = session.connection().execute
    ids = [one.recipient.message_id for one in prepared]
    mine: dict[str, Any] = {"ids": values(session, ids)}
    if not one_writer(session):
        contact_ids = [one.recipient.contact_id for one in prepared]
        run(_hold_people(session), {"contact_ids": values(session, contact_ids)}).all()
    drop, take = _statements(renewed.markets, now.date(), renewed.domains)
    mine |= {"of_vendor": renewed.vendor_id}
    if lease.step > 1:  # the first mail has no way before it that anybody could leave
        run(drop(session), mine)
        _drop_left(session, lease, ids)
    found = run(take(session), mine | {"of_chunk": lease.chunk_id}).all()
    taken: dict[int, int] = {row[0]: row[1] for row in found}
    if len(taken) < len(ids):
        run(drop(session), mine)
    owned = [_as_taken(one, taken) for one in prepared if one.recipient.message_id in taken]
    _add_attempts(session, system, owned, now)
    return owned


@dataclass(frozen=True, slots=True)
class _Renewed:
    """What a launch says of its readers; `domains`: whether anybody blocks domains."""

    vendor_id: UUID
    markets: str
    domains: bool


def _renewed(session: Session, system: System, lease: Lease, now: datetime) -> _Renewed | None:
    """The heartbeat; None if the lease is lost or the launch no longer runs."""
    until = now + timedelta(seconds=system.settings.lease_seconds)
    mine = {"of_chunk": lease.chunk_id, "owner": lease.owner, "of_launch": lease.launch_id}
    found = session.connection().execute(_renew(), mine | {"until": until}).one_or_none()
    return None if found is None else _Renewed(found[0], found[1], bool(found[2]))


def _as_taken(one: Prepared, taken: dict[int, int]) -> Prepared:
    """With the number its attempt really has: another thread may have tried it since we read."""
    before = taken[one.recipient.message_id] - 1
    if before == one.recipient.attempt_n:
        return one
    return replace(one, recipient=replace(one.recipient, attempt_n=before))


def _add_attempts(
    session: Session, system: System, owned: Sequence[Prepared], now: datetime
) -> None:
    seconds = CALL_SECONDS + LONGEST_CALL + GRACE.total_seconds()
    if system.mail.capabilities.idempotent:
        seconds = system.settings.lease_seconds
    rows = [
        {
            "id": one.attempt_id,
            "message_id": one.recipient.message_id,
            "n": one.recipient.attempt_n + 1,
            "raw_sha256": raw_hash(one.envelope),
        }
        for one in owned
    ]
    insert_rows(
        session,
        Attempt,
        rows,
        transport=system.mail.name,
        started_at=now,
        lease_until=now + timedelta(seconds=seconds),
        code="",
    )


@cache
def _renew() -> Any:
    mine = Launch.id == bindparam("of_launch", type_=Uuid())
    running = select(Launch.id).where(mine, Launch.state.in_(lanes.SENDING))
    vendor = select(Launch.vendor_id).where(mine).scalar_subquery()
    markets = select(Launch.markets).where(mine).scalar_subquery()
    return (
        update(SendChunk)
        .where(SendChunk.id == bindparam("of_chunk"), SendChunk.lease_owner == bindparam("owner"))
        .where(SendChunk.launch_id.in_(running))
        .values(lease_until=bindparam("until"))
        .returning(vendor, markets, audiences.domain_blocked())
    )


@per_dialect
def _hold_people(session: Session) -> Any:
    """Whoever unsubscribes locks the contact first: they come wholly before this, or after.

    KEY SHARE waits for that lock and for no ordinary change of a contact.
    """
    return (
        select(Contact.id)
        .where(one_of(session, Contact.id, "contact_ids"))
        .order_by(Contact.id)
        .with_for_update(read=True, key_share=True)
    )


def _queued(session: Session) -> ColumnElement[bool]:
    return and_(one_of(session, Message.id, "ids"), Message.send_state == SendState.QUEUED)


_Statement = Callable[[Session], Any]


@lru_cache(maxsize=256)
def _statements(markets: str, today: date, domains: bool) -> tuple[_Statement, _Statement]:
    """Who unsubscribed or withdrew before this commit, or whose consent carries no mail any more
    in their country, gets nothing after it: skipped by the one (T6), not taken by the other (T7).

    Nearly always all are taken, so each reader is asked about once. Where somebody blocks domains
    (`domains`) they have so many words that no driver remembers them.
    """
    law = audiences.problem_under(markets.split(), today)
    vendor = bindparam("of_vendor", type_=Uuid())

    @per_dialect
    def drop(session: Session) -> Any:
        return planning.skipping(vendor, _queued(session), law, domains=domains)

    @per_dialect
    def take(session: Session) -> Any:
        return (
            update(Message)
            .where(_queued(session), Message.chunk_id == bindparam("of_chunk"))
            .where(planning.refusal(vendor, law, domains=domains) == "")
            .values(send_state=SendState.SUBMITTING, attempt_n=Message.attempt_n + 1)
            .returning(Message.id, Message.attempt_n)
        )

    return drop, take


def _drop_left(session: Session, lease: Lease, ids: Sequence[int]) -> None:
    """Who sent the form or became a customer before this commit gets no later mail after it."""
    needed = load_only(Launch.frozen_manifest, Launch.steps)
    launch = session.get_one(Launch, lease.launch_id, options=[needed])
    waiting = and_(Message.id.in_(ids), Message.send_state == SendState.QUEUED)
    sequences.skip_left(session, launch, lease.step, waiting)
