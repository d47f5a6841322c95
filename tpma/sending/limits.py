"""Places in the provider's rate and day, taken in the transaction that takes the mails.

All limits that concern a batch are charged together or not at all. What was taken and not
used is given back; what died with its worker is not, which errs on the slow side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tpma.core.db import upsert
from tpma.sending import rates, warmup
from tpma.sending.mailboxes import Mailbox
from tpma.sending.models import ProviderAccount, QuotaCounter, SendRate
from tpma.sending.warmup import Standing

_QUOTA_PAUSE = timedelta(minutes=15)
_ACCOUNT_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Ask:
    """Whom a batch concerns. `domain` is the organisational one it is sent from, "" where it has
    no reputation to lose: then neither warm-up nor mailbox providers are asked."""

    transport: str
    launch_id: UUID
    domain: str = ""
    mailbox: Mailbox = Mailbox.OTHER

    @property
    def scopes(self) -> tuple[str, ...]:
        own = (account_scope(self.transport), launch_scope(self.launch_id))
        return (*own, mailbox_scope(self.domain, self.mailbox)) if self.domain else own


class Short(StrEnum):
    """What had no place, where that is sure to last."""

    WARM_UP = "warm_up"  # of the domain, until tomorrow
    MAILBOX = "mailbox"  # of this provider; others may be written to


@dataclass(frozen=True, slots=True)
class Grant:
    """Places for `count` mails; the i-th may start `wait + i * gap` seconds after the claim.

    Without a place `short` and `until` say what is missing and when to ask again.
    """

    count: int
    wait: float = 0.0
    gap: float = 0.0
    scopes: tuple[str, ...] = ()
    domain: str = ""  # whose day was charged
    day: date | None = None
    short: Short | None = None
    until: datetime | None = None

    def share(self, count: int) -> "Grant":
        return replace(self, count=count)


def account_scope(transport: str) -> str:
    return f"account:{transport}"


def launch_scope(launch_id: UUID) -> str:
    return f"launch:{launch_id.hex}"


def mailbox_scope(domain: str, mailbox: Mailbox) -> str:
    return f"mailbox:{domain}:{mailbox.name.lower()}"


def reserve(session: Session, ask: Ask, wanted: int, now: datetime) -> Grant:
    """Take places for at most `wanted` mails. A grant of 0 says that it is not the time."""
    room = _room_of_the_day(session, ask.transport, now)
    wanted = wanted if room is None else min(wanted, room)
    rows = [row for row in _locked(session, ask.scopes) if not _has_ended(row, now)]
    if wanted <= 0 or any(row.held_until and row.held_until > now for row in rows):
        return Grant(0)
    wanted = min([wanted, *_rooms_of_mailboxes(session, rows, now)])
    if wanted <= 0:
        return Grant(0, short=Short.MAILBOX, until=now + _QUOTA_PAUSE)
    standing = warmup.today(session, ask.domain, now) if ask.domain else None
    if standing is not None and standing.left is not None:
        wanted = min(wanted, standing.left)
        if wanted <= 0:
            return Grant(0, short=Short.WARM_UP, until=_next_day_or(now + _QUOTA_PAUSE, now))
    return _granted(session, ask, rows, standing, wanted, now)


def _granted(
    session: Session,
    ask: Ask,
    rows: list[SendRate],
    standing: Standing | None,
    wanted: int,
    now: datetime,
) -> Grant:
    """Charge every limit for as many as the slowest rate has places for."""
    paced = [row for row in rows if row.per_second]
    slots = {row.scope: _slots(row, wanted, now) for row in paced}
    count = min((one.count for one in slots.values()), default=wanted)
    if count == 0:
        return _without_slot(ask, slots)
    for row in paced:
        assert row.per_second is not None
        _taken, row.promised = rates.reserve(row.promised, now, row.per_second, count)
    for scope in _counted(ask.scopes):
        _count(session, scope, now, count)
    if standing is not None:
        warmup.take(session, standing, now, count)
    first = max((one.first for one in slots.values()), default=now)
    gap = max((one.gap for one in slots.values()), default=0.0)
    wait = (first - now).total_seconds()
    return Grant(count, wait, gap, ask.scopes, ask.domain, now.date())


def _without_slot(ask: Ask, slots: dict[str, rates.Slots]) -> Grant:
    """Where only the mailbox provider's rate is used up, the others need not wait for it."""
    full = {scope: one for scope, one in slots.items() if one.count == 0}
    mine = mailbox_scope(ask.domain, ask.mailbox)
    if set(full) == {mine}:
        return Grant(0, short=Short.MAILBOX, until=full[mine].first - rates.HORIZON)
    return Grant(0)


def _next_day_or(moment: datetime, now: datetime) -> datetime:
    """Tomorrow has a cap of its own; before it, a mail that did not leave may free a place."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    return min(moment, tomorrow)


def _rooms_of_mailboxes(session: Session, rows: list[SendRate], now: datetime) -> list[int]:
    return [row.a_day - taken(session, row.scope, now) for row in rows if row.a_day is not None]


def _has_ended(row: SendRate, now: datetime) -> bool:
    """A brake that has ended: its row limits nothing, unless the operator's day does."""
    if row.until is None or row.until > now:
        return False
    row.per_second = row.ceiling = row.until = None
    row.cause = ""
    return row.a_day is None


def _counted(scopes: Sequence[str]) -> list[str]:
    """Scopes whose mails are counted by the hour."""
    return [scope for scope in scopes if not scope.startswith("launch:")]


def _slots(row: SendRate, wanted: int, now: datetime) -> rates.Slots:
    assert row.per_second is not None
    if row.ceiling is not None:
        row.per_second, row.raised_at = rates.recovered(
            row.per_second, row.ceiling, row.raised_at or now, now
        )
    return rates.reserve(row.promised, now, row.per_second, wanted)[0]


def _locked(session: Session, scopes: Sequence[str]) -> list[SendRate]:
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
    for row in _locked(session, grant.scopes):
        if row.per_second and row.promised:
            row.promised = rates.give_back(row.promised, now, row.per_second, unused)
    if grant.domain and grant.day is not None:
        warmup.give_back(session, grant.domain, grant.day, unused)
    session.execute(
        update(QuotaCounter)
        .where(QuotaCounter.scope.in_(_counted(grant.scopes)))
        .where(QuotaCounter.hour == rates.hour_of(now))
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


def brake(
    session: Session, scope: str, per_second: float, now: datetime, until: datetime, cause: str
) -> None:
    """A rate that holds until then and ends by itself."""
    _make(session, scope)
    [row] = _locked(session, [scope])
    row.per_second = row.ceiling = per_second
    row.lowered_at, row.until, row.cause = now, until, cause[:64]


def release(session: Session, scope: str) -> None:
    """End a brake now."""
    for row in _locked(session, [scope]):
        row.per_second = row.ceiling = row.until = None
        row.cause = ""


def set_day(session: Session, scope: str, a_day: int | None) -> None:
    """Mails a scope may take in 24 hours; None for no limit."""
    _make(session, scope)
    [row] = _locked(session, [scope])
    row.a_day = a_day


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
