"""Guards that stop a sender before the provider does (RT-03, RT-04 of docs/delivery.md).

The thresholds stand below those at which Amazon SES reviews an account (bounces 5 %, complaints
0.1 %) and at which Gmail stops helping (complaints 0.3 %). A launch that is paused keeps its
mails; a person looks at the figures and resumes it or stops it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from tpma.core.log import logger
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.sending import brakes, limits
from tpma.sending.models import DeliveryFact, FactKind, Message, SendRate
from tpma.system import System

_log = logger("sending")
WINDOW = timedelta(hours=24)
LEAST = 200  # results before a share of them says anything
COMPLAINTS, BOUNCES = "complaints", "bounces"
SLOWED = "guard"  # cause of a launch's own rate; a launch that is spread has one without


class Action(IntEnum):
    """What a share of bad news asks for; the larger holds the smaller."""

    NONE = 0
    SLOW = 1  # half the rate
    PAUSE_LAUNCH = 2
    PAUSE_TENANT = 3


@dataclass(frozen=True, slots=True)
class Tally:
    """What came back of the mails of one launch or tenant within the window."""

    delivered: int
    bounced_hard: int
    complained: int


_COMPLAINTS = ((0.002, Action.PAUSE_TENANT), (0.001, Action.PAUSE_LAUNCH), (0.0008, Action.SLOW))
_BOUNCES = ((0.05, Action.PAUSE_TENANT), (0.04, Action.PAUSE_LAUNCH), (0.02, Action.SLOW))


def verdict(tally: Tally) -> tuple[Action, str]:
    """What to do, and because of what: complaints over delivered, hard bounces over results."""
    results = tally.delivered + tally.bounced_hard
    if results < LEAST:
        return Action.NONE, ""
    complained = _first(_COMPLAINTS, tally.complained / max(tally.delivered, 1))
    bounced = _first(_BOUNCES, tally.bounced_hard / results)
    if complained >= bounced:
        return complained, COMPLAINTS if complained else ""
    return bounced, BOUNCES


def _first(ladder: tuple[tuple[float, Action], ...], share: float) -> Action:
    return next((action for least, action in ladder if share >= least), Action.NONE)


def watch(system: System) -> int:
    """Look at every launch that sends, every tenant and domain that does; how many were held."""
    return _watch_launches(system) + brakes.watch(system)


def _watch_launches(system: System) -> int:
    now = system.clock()
    with system.db.reading() as session:
        running = session.execute(
            select(Launch.id, Launch.tenant_id).where(Launch.state == LaunchState.RUNNING)
        ).all()
        found = {
            row.id: verdict(_tally(session, Message.launch_id == row.id, now)) for row in running
        }
        tenants = {
            tenant: verdict(_tally(session, Message.tenant_id == tenant, now))
            for tenant in {row.tenant_id for row in running}
        }
    held = 0
    for row in running:
        action, cause = found[row.id]
        tenant_action, tenant_cause = tenants[row.tenant_id]
        if tenant_action is Action.PAUSE_TENANT:
            action, cause = tenant_action, tenant_cause
        held += _act(system, row.id, action, cause, now)
    return held


def _tally(session: Session, whose: ColumnElement[bool], now: datetime) -> Tally:
    rows = session.execute(
        select(DeliveryFact.kind, func.count(func.distinct(DeliveryFact.message_id)))
        .join(Message, Message.id == DeliveryFact.message_id)
        .where(whose, Message.accepted_at > now - WINDOW)
        .where(
            DeliveryFact.kind.in_([FactKind.DELIVERED, FactKind.BOUNCED_HARD, FactKind.COMPLAINED])
        )
        .group_by(DeliveryFact.kind)
    )
    counts = {row[0]: row[1] for row in rows}
    return Tally(
        counts.get(FactKind.DELIVERED, 0),
        counts.get(FactKind.BOUNCED_HARD, 0),
        counts.get(FactKind.COMPLAINED, 0),
    )


def _act(system: System, launch_id: UUID, action: Action, cause: str, now: datetime) -> int:
    if action is Action.NONE:
        return 0
    with system.db.transaction() as session:
        if action is Action.SLOW:
            return _slow(session, system.mail.name, launch_id, now)
        launch = session.get_one(Launch, launch_id, with_for_update=True)
        if launch.state is not LaunchState.RUNNING or _looked_at(launch, now):
            return 0
        launches.pause(session, None, launch, cause)
    _log.warning("launch paused by a guard", launch=str(launch_id), cause=cause)
    return 1


def _looked_at(launch: Launch, now: datetime) -> bool:
    """Somebody resumed it within the window, knowing the figures: not paused for them again."""
    return launch.resumed_at is not None and launch.resumed_at > now - WINDOW


def _slow(session: Session, transport: str, launch_id: UUID, now: datetime) -> int:
    """Half the account's rate for this launch, or half its own if it is spread; once. There is
    nothing to halve where there is no rate."""
    account = session.get(SendRate, limits.account_scope(transport))
    scope = limits.launch_scope(launch_id)
    own = session.get(SendRate, scope)
    if own is not None and own.cause:
        return 0
    known = [row.ceiling for row in (account, own) if row is not None and row.ceiling]
    if not known:
        return 0
    limits.set_rate(session, scope, min(known) / 2, now)
    session.get_one(SendRate, scope).cause = SLOWED
    return 1
