"""What came of a rehearsal, in numbers: ours, and the simulated provider's own account beside."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.core.db import Database
from tpma.ports.rehearsal import Taken
from tpma.sending import guards, limits, planning, rates
from tpma.sending.guards import Action, Tally
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    FactKind,
    Message,
    ProviderAccount,
    SendRate,
    SendState,
)
from tpma.sending.rehearsing.ledger import Script
from tpma.sending.rules import CANARY_WAIT, canary
from tpma.system import System

_BUILT_NOT = (SendState.FAILED, SendState.DEAD)


def of(
    copy: System, script: Script, taken: Sequence[Taken], told: dict[str, Any]
) -> dict[str, Any]:
    """Plain values, as they are kept."""
    with copy.db.reading() as session:
        states = planning.counts(session, script.launch_id)
        return {
            "readers": script.readers,
            "sampled": script.sampled,
            "steps": script.steps,
            "mails": sum(states.values()) - states.get(SendState.SKIPPED, 0),
            "accepted": states.get(SendState.ACCEPTED, 0),
            "unconfirmed": states.get(SendState.UNCONFIRMED, 0),
            "in_doubt": states.get(SendState.IN_DOUBT, 0),
            "waiting": states.get(SendState.QUEUED, 0),
            "left_out": planning.skipped(session, script.launch_id),
            "broken": _broken(session),
            **_facts(session),
            **_rates(session, copy, script),
            "proven": _proven(session),
            **_compared(session, taken),
            "guards_at": _guards_at(min(script.readers, guards.LEAST)),
            **told,
        }


def _broken(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Message.reason, func.count())
        .where(Message.send_state.in_(_BUILT_NOT))
        .group_by(Message.reason)
    )
    return {row[0]: row[1] for row in rows}


def _facts(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(DeliveryFact.kind, func.count(func.distinct(DeliveryFact.message_id))).group_by(
            DeliveryFact.kind
        )
    )
    found: dict[FactKind, int] = {row[0]: row[1] for row in rows}
    return {
        "delivered": found.get(FactKind.DELIVERED, 0),
        "bounced_hard": found.get(FactKind.BOUNCED_HARD, 0),
        "bounced_soft": found.get(FactKind.BOUNCED_SOFT, 0),
        "complained": found.get(FactKind.COMPLAINED, 0),
    }


def _rates(session: Session, copy: System, script: Script) -> dict[str, Any]:
    account = session.get(SendRate, limits.account_scope(copy.mail.name))
    halved = session.get(SendRate, limits.launch_scope(script.launch_id))
    return {"throttled": account.throttled if account else 0, "slowed": halved is not None}


def _proven(session: Session) -> int:
    """Answers that got lost, and an event told the outcome."""
    return session.scalar(select(func.count(Attempt.id)).where(Attempt.code == "event")) or 0


def _compared(session: Session, taken: Sequence[Taken]) -> dict[str, int]:
    """Our ledger against the provider's journal: mails it has twice, and mails we only believe."""
    of_attempt = {row[0]: row[1] for row in session.execute(select(Attempt.id, Attempt.message_id))}
    known = Counter(of_attempt.get(UUID(hex=one.attempt_id)) for one in taken)
    accepted = set(
        session.scalars(select(Message.id).where(Message.send_state == SendState.ACCEPTED))
    )
    return {
        "provider_took": len(taken),
        "copies": sum(times - 1 for times in known.values()),
        "only_ours": len(accepted - set(known)),
        "only_theirs": len(set(known) - accepted),
        "largest": max((one.size for one in taken), default=0),
    }


def _guards_at(results: int) -> dict[str, int]:
    """How many bounces, or complaints, among the first results pause a launch; 0: never."""
    return {
        "results": results,
        "bounces": _least(results, lambda n: Tally(results - n, n, 0)),
        "complaints": _least(results, lambda n: Tally(results, 0, n)),
    }


def _least(results: int, tally: Any) -> int:
    pausing = (
        n for n in range(1, results + 1) if guards.verdict(tally(n))[0] >= Action.PAUSE_LAUNCH
    )
    return next(pausing, 0)


def expected(db: Database, transport: str, readers: int) -> dict[str, Any]:
    """How long the first mail takes at the real account's rate; without one nobody can say."""
    with db.reading() as session:
        account = session.get(ProviderAccount, transport)
        rate = session.get(SendRate, limits.account_scope(transport))
        ceiling = rate.ceiling if rate else None
        a_day = rates.daily_room(account.max_24h, 0, 0) if account else None
    wait = CANARY_WAIT.total_seconds() if canary(readers) else 0
    return {
        "real_rate": ceiling,
        "real_seconds": round(readers / ceiling + wait) if ceiling else None,
        "days": -(-readers // a_day) if a_day else None,
    }
