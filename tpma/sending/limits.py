"""Places in the provider's rate and day, taken in the transaction that takes the mails.

All limits that concern a batch are charged together or not at all. What was taken and not
used is given back; what died with its worker is not, which errs on the slow side.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.sending import rates
from tpma.sending.models import ProviderAccount, QuotaCounter, SendRate

_QUOTA_PAUSE = timedelta(minutes=15)
_ACCOUNT_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """Places for `count` mails; the i-th may start `wait + i * gap` seconds after the claim."""

    count: int
    wait: float = 0.0
    gap: float = 0.0
    scopes: tuple[str, ...] = ()

    def share(self, count: int) -> "Grant":
        return Grant(count, self.wait, self.gap, self.scopes)


def account_scope(transport: str) -> str:
    return f"account:{transport}"


def launch_scope(launch_id: UUID) -> str:
    return f"launch:{launch_id.hex}"


def reserve(session: Session, transport: str, launch_id: UUID, wanted: int, now: datetime) -> Grant:
    """Take places for at most `wanted` mails. A grant of 0 says that it is not the time."""
    room = _room_of_the_day(session, transport, now)
    wanted = wanted if room is None else min(wanted, room)
    scopes = [account_scope(transport), launch_scope(launch_id)]
    rows = _locked(session, scopes)
    if wanted <= 0 or any(row.held_until and row.held_until > now for row in rows):
        return Grant(0)
    paced = [row for row in rows if row.per_second]
    slots = [_slots(row, wanted, now) for row in paced]
    count = min((one.count for one in slots), default=wanted)
    if count == 0:
        return Grant(0)
    for row in paced:
        assert row.per_second is not None
        _taken, row.promised = rates.reserve(row.promised, now, row.per_second, count)
    _count(session, scopes[0], now, count)
    first = max((one.first for one in slots), default=now)
    gap = max((one.gap for one in slots), default=0.0)
    return Grant(count, (first - now).total_seconds(), gap, tuple(scopes))


def _slots(row: SendRate, wanted: int, now: datetime) -> rates.Slots:
    assert row.per_second is not None
    if row.ceiling is not None:
        row.per_second, row.raised_at = rates.recovered(
            row.per_second, row.ceiling, row.raised_at or now, now
        )
    return rates.reserve(row.promised, now, row.per_second, wanted)[0]


def _locked(session: Session, scopes: list[str]) -> list[SendRate]:
    """In one order everywhere, so that two workers never wait for each other."""
    return list(
        session.scalars(
            select(SendRate)
            .where(SendRate.scope.in_(scopes))
            .order_by(SendRate.scope)
            .with_for_update()
        )
    )


def _room_of_the_day(session: Session, transport: str, now: datetime) -> int | None:
    account = session.get(ProviderAccount, transport)
    if account is None:
        return None
    if not account.sending_enabled or account.enforcement == "SHUTDOWN":
        return 0
    return rates.daily_room(
        account.max_24h, account.sent_24h, taken(session, account_scope(transport), now)
    )


def taken(session: Session, scope: str, now: datetime) -> int:
    """Mails taken for sending in the last 24 hours."""
    return int(
        session.scalar(
            select(func.coalesce(func.sum(QuotaCounter.taken), 0)).where(
                QuotaCounter.scope == scope, QuotaCounter.hour > rates.hour_of(now) - 24
            )
        )
        or 0
    )


def _count(session: Session, scope: str, now: datetime, count: int) -> None:
    row = {"scope": scope, "hour": rates.hour_of(now), "taken": count}
    made = upsert(session, QuotaCounter).values(**row)
    session.execute(
        made.on_conflict_do_update(
            index_elements=["scope", "hour"], set_={"taken": QuotaCounter.taken + count}
        )
    )


def give_back(session: Session, grant: Grant, unused: int, now: datetime) -> None:
    """Places of mails that provably did not leave."""
    if unused <= 0 or not grant.scopes:
        return
    for row in _locked(session, list(grant.scopes)):
        if row.per_second and row.promised:
            row.promised = rates.give_back(row.promised, now, row.per_second, unused)
    session.execute(
        update(QuotaCounter)
        .where(QuotaCounter.scope == grant.scopes[0], QuotaCounter.hour == rates.hour_of(now))
        .where(QuotaCounter.taken >= unused)
        .values(taken=QuotaCounter.taken - unused)
        .execution_options(synchronize_session=False)
    )


def hold_account(
    session: Session, transport: str, code: str, until: datetime, now: datetime, *, throttled: bool
) -> None:
    """The provider said "not now" to the whole account: nobody asks again before `until`."""
    scope = account_scope(transport)
    _make(session, scope)
    [row] = _locked(session, [scope])
    row.held_until = max(row.held_until or until, until)
    row.cause = code[:64]
    if not throttled:
        return
    row.throttled += 1
    if row.per_second:
        slower = rates.halved(row.per_second, row.lowered_at, now)
        if slower < row.per_second:
            row.per_second, row.lowered_at, row.raised_at = slower, now, now


def set_rate(session: Session, scope: str, per_second: float | None, now: datetime) -> None:
    """The ceiling of a scope. A rate that was lowered meanwhile climbs back by itself."""
    _make(session, scope)
    [row] = _locked(session, [scope])
    if (
        row.per_second is None
        or per_second is None
        or row.ceiling == row.per_second
        or row.per_second > per_second
    ):
        row.per_second = per_second
    row.ceiling = per_second
    row.raised_at = row.raised_at or now


def _make(session: Session, scope: str) -> None:
    values: dict[str, Any] = {"scope": scope, "cause": "", "throttled": 0}
    session.execute(upsert(session, SendRate).values(**values).on_conflict_do_nothing())
