"""How far a launch is, in figures. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tpma.audiences import queries as audiences
from tpma.core.i18n import gettext as _
from tpma.core.i18n import lazy
from tpma.launches.compiling import Drawing
from tpma.launches.models import Launch
from tpma.sending import left_out, limits, planning
from tpma.sending.models import (
    DeliveryFact,
    FactKind,
    LaunchPace,
    Message,
    SendLane,
    SendRate,
    SendState,
)
from tpma.system import System

_REASONS = {
    planning.SKIP_SUPPRESSED: lazy("On a suppression list"),
    planning.SKIP_VENDOR_LIST: lazy("Held back by the vendor’s list"),
    planning.SKIP_TERRITORY: lazy("The kit may not be used in their country"),
    planning.SKIP_LOCALE: lazy("Not in their language"),
    "exit_form": lazy("Sent the form before"),
    "exit_deal": lazy("Deal registered before"),
} | {reason: words for reason, (words, _cure) in left_out.WORDS.items()}


@dataclass(frozen=True, slots=True)
class Progress:
    """Mails of a launch, all steps together."""

    total: int  # without those left out
    handed_over: int
    delivered: int
    bounced: int
    complaints: int
    unsubscribed: int
    clicked: int
    in_doubt: int
    unconfirmed: int
    failed: int
    a_minute: int  # handed over in the last minute

    @property
    def waiting(self) -> int:
        return max(self.total - self.handed_over - self.failed - self.unconfirmed, 0)


def of(session: Session, launch: Launch, now: datetime) -> Progress:
    states = planning.counts(session, launch.id)
    left_out = states.get(SendState.SKIPPED.value, 0)
    facts = _facts(session, launch)
    recent = session.scalar(
        select(func.count()).where(
            Message.launch_id == launch.id, Message.accepted_at > now - timedelta(minutes=1)
        )
    )
    clicked = session.scalar(
        select(func.count(func.distinct(Message.rcpt_key))).where(
            Message.launch_id == launch.id, Message.clicked_at.is_not(None)
        )
    )
    return Progress(
        total=sum(states.values()) - left_out,
        handed_over=states.get(SendState.ACCEPTED.value, 0),
        delivered=facts.get(FactKind.DELIVERED, 0),
        bounced=facts.get(FactKind.BOUNCED_HARD, 0) + facts.get(FactKind.BOUNCED_SOFT, 0),
        complaints=facts.get(FactKind.COMPLAINED, 0),
        unsubscribed=facts.get(FactKind.UNSUBSCRIBED, 0),
        clicked=clicked or 0,
        in_doubt=states.get(SendState.IN_DOUBT.value, 0),
        unconfirmed=states.get(SendState.UNCONFIRMED.value, 0),
        failed=states.get(SendState.FAILED.value, 0) + states.get(SendState.DEAD.value, 0),
        a_minute=recent or 0,
    )


def _facts(session: Session, launch: Launch) -> dict[FactKind, int]:
    rows = session.execute(
        select(DeliveryFact.kind, func.count(func.distinct(DeliveryFact.message_id)))
        .join(Message, Message.id == DeliveryFact.message_id)
        .where(Message.launch_id == launch.id, Message.tenant_id == launch.tenant_id)
        .group_by(DeliveryFact.kind)
    )
    return {row[0]: row[1] for row in rows}


def in_words(skipped: Mapping[str, int]) -> list[tuple[str, int]]:
    return [
        (_(_REASONS[reason]) if reason in _REASONS else reason, number)
        for reason, number in skipped.items()
    ]


def readers(session: Session, launch: Launch, plan: Drawing, now: datetime) -> int:
    """How many people the launch would reach now."""
    counted = audiences.counts(
        session, launch.tenant_id, launch.segment_id, launch.vendor_id, now=now
    )
    locales = planning.locale_plan(plan, counted.by_locale)
    held_back = (n for tag, n in counted.by_locale.items() if locales[tag] is None)
    return counted.writable - sum(held_back)


@dataclass(frozen=True, slots=True)
class Wait:
    """Why no mail leaves just now though the launch runs, and until when."""

    why: str  # canary, provider, account
    until: datetime


def waits(session: Session, launch: Launch, system: System) -> Wait | None:
    """The hold that ends last; None if nothing holds the launch."""
    pace = session.get(LaunchPace, launch.id)
    lane = session.scalar(select(SendLane).where(SendLane.tenant_id == launch.tenant_id))
    account = session.get(SendRate, limits.account_scope(system.mail.name))
    found = [
        Wait(why, held.held_until)
        for why, held in (("canary", pace), ("provider", lane), ("account", account))
        if held is not None and held.held_until and held.held_until > system.clock()
    ]
    return max(found, key=lambda wait: wait.until, default=None)
