"""What mailbox providers say about a sending domain, and what follows (RT-06, RT-07).

Three refusals for want of a proven sender pause every launch of that domain: each further mail
would teach the provider that the domain is forged. A provider that puts off more than a tenth is
written to half as fast for four hours, and the others do not notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from tpma.core.log import logger
from tpma.identity.service import record
from tpma.launches import service as launches
from tpma.launches.models import Launch, LaunchState
from tpma.ports.mail import Outcome
from tpma.sending import limits
from tpma.sending.domains import mending, senders
from tpma.sending.mailboxes import Mailbox
from tpma.sending.models import (
    Attempt,
    DeliveryFact,
    FactKind,
    LaunchPace,
    Message,
    SendChunk,
    SendRate,
    SendState,
)
from tpma.system import System

_log = logger("sending")
IDENTITY = "identity"  # cause of a pause
DEFERRED = "deferred"  # cause of a brake
# Enhanced status codes: Microsoft "not authenticated", Gmail "unauthenticated", "policy".
_UNPROVEN = ("5.7.515", "5.7.26", "5.7.1")
_MOST_UNPROVEN = 3
_WINDOW = timedelta(hours=24)
BRAKE = timedelta(hours=4)
LEAST = 50  # mails to one provider before a share of them says anything
MOST_DEFERRED = 0.10
_SLOWEST = 1 / 60  # mails a second


@dataclass(frozen=True, slots=True)
class Deferral:
    """What one provider did with one domain's mails of the last four hours."""

    domain: str
    mailbox: Mailbox
    accepted: int
    deferred: int
    per_second: float  # at which they left

    @property
    def share(self) -> float:
        return self.deferred / self.accepted if self.accepted else 0.0


def asks_for_a_brake(found: Deferral) -> bool:
    return found.accepted >= LEAST and found.share > MOST_DEFERRED


def halved(found: Deferral) -> float:
    """Half of what really left for this provider; a rate nobody reached would brake nothing."""
    return max(found.per_second / 2, _SLOWEST)


def watch(system: System) -> int:
    """Look at every domain that sends; how many brakes and pauses that brought."""
    now = system.clock()
    with system.db.reading() as session:
        unproven = _unproven_domains(session, now)
        slow = [one for one in deferrals(session, now) if asks_for_a_brake(one)]
    paused = sum(_pause(system, domain, now) for domain in unproven)
    return paused + sum(_brake(system, one, now) for one in slow)


def _unproven_domains(session: Session, now: datetime) -> list[str]:
    """Domains three mails of which were refused for want of a proven sender, told by bounces or
    by the server itself."""
    bounced = _names(DeliveryFact.detail)
    refused = _names(Attempt.code)
    told = (
        select(LaunchPace.domain, Message.id.label("message"))
        .join(Message, Message.launch_id == LaunchPace.launch_id)
        .join(DeliveryFact, DeliveryFact.message_id == Message.id)
        .where(LaunchPace.domain != "", LaunchPace.served_at > now - _WINDOW)
        .where(DeliveryFact.at > now - _WINDOW, bounced)
        .where(DeliveryFact.kind.in_([FactKind.BOUNCED_HARD, FactKind.BOUNCED_SOFT]))
    ).union(
        select(LaunchPace.domain, Message.id)
        .join(Message, Message.launch_id == LaunchPace.launch_id)
        .join(Attempt, Attempt.message_id == Message.id)
        .where(LaunchPace.domain != "", LaunchPace.served_at > now - _WINDOW)
        .where(Message.send_state == SendState.FAILED, Attempt.started_at > now - _WINDOW)
        .where(Attempt.outcome == Outcome.REFUSED.value, refused)
    )
    rows = told.subquery()
    return list(
        session.scalars(
            select(rows.c.domain)
            .group_by(rows.c.domain)
            .having(func.count() >= _MOST_UNPROVEN)
            .order_by(rows.c.domain)
        )
    )


def _names(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The text holds one of the codes as a word of its own: 5.7.1 is not 5.7.133."""
    words = [
        or_(column.contains(f"{code} "), column.contains(f"{code}:"), column.endswith(code))
        for code in _UNPROVEN
    ]
    return or_(*words)


def _pause(system: System, domain: str, now: datetime) -> int:
    """Every running launch of the domain, unless somebody resumed it knowing this."""
    with system.db.transaction() as session:
        running = session.scalars(
            select(Launch)
            .join(LaunchPace, LaunchPace.launch_id == Launch.id)
            .where(LaunchPace.domain == domain, Launch.state == LaunchState.RUNNING)
            .where(or_(Launch.resumed_at.is_(None), Launch.resumed_at <= now - _WINDOW))
            .order_by(Launch.id)
            .with_for_update(of=Launch)
        ).all()
        for launch in running:
            launches.pause(session, None, launch, IDENTITY)
        _doubt(session, system, running, now)
    if running:
        _log.warning("domain is not proven", domain=domain, launches=len(running))
    return len(running)


def _doubt(session: Session, system: System, paused: Sequence[Launch], now: datetime) -> None:
    """Open the AUTH checks of the domains these launches leave by: what DNS said is not what
    receivers see."""
    if system.provisioner is None:
        return
    found = [senders.behind(session, system.settings, launch) for launch in paused]
    rows = {row.id: row for row in found if row is not None}
    for _key, row in sorted(rows.items()):
        mending.reopen(session, row, now)


def deferrals(session: Session, now: datetime) -> list[Deferral]:
    """By domain and provider, over the last four hours. A message's provider is its chunk's."""
    delayed = (
        select(DeliveryFact.id)
        .where(DeliveryFact.message_id == Message.id, DeliveryFact.kind == FactKind.DELAYED)
        .exists()
    )
    rows = session.execute(
        select(
            LaunchPace.domain,
            SendChunk.mailbox,
            func.count(),
            func.count().filter(delayed),
            func.min(Message.accepted_at),
            func.max(Message.accepted_at),
        )
        .join(Message, Message.launch_id == LaunchPace.launch_id)
        .join(SendChunk, SendChunk.id == Message.chunk_id)
        .where(LaunchPace.domain != "", LaunchPace.served_at > now - BRAKE)
        .where(Message.accepted_at > now - BRAKE, Message.send_state == SendState.ACCEPTED)
        .group_by(LaunchPace.domain, SendChunk.mailbox)
        .order_by(LaunchPace.domain, SendChunk.mailbox)
    )
    return [
        Deferral(row[0], Mailbox(row[1]), row[2], row[3], _rate(*row[2:3], *row[4:]))
        for row in rows
    ]


def _rate(mails: int, first: datetime | None, last: datetime | None) -> float:
    """Mails a second between the first and the last."""
    seconds = (last - first).total_seconds() if first and last else 0.0
    return mails / max(seconds, 60.0)


def _brake(system: System, found: Deferral, now: datetime) -> int:
    """Half for four hours; a brake that holds is not pulled again by the same deferrals."""
    scope = limits.mailbox_scope(found.domain, found.mailbox)
    with system.db.transaction() as session:
        row = session.get(SendRate, scope, with_for_update=True)
        if row is not None and row.lowered_at is not None and row.lowered_at > now - BRAKE:
            return 0
        limits.brake(session, scope, halved(found), now, now + BRAKE, DEFERRED)
        slowed = session.get_one(SendRate, scope)
        share = round(found.share, 3)
        record(session, None, None, "mailbox.slowed", slowed, scope=scope, share=str(share))
    _log.warning("provider defers", domain=found.domain, mailbox=found.mailbox.name.lower())
    return 1
