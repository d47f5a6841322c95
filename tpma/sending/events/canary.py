"""Mails to the provider's own test addresses, so that silence of a feed can be told from peace."""

import time
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.ports.events import DeliveryEvent, EventKind
from tpma.ports.mail import Envelope
from tpma.sending import watermark
from tpma.sending.events.models import Canary, CanaryKind, Feed
from tpma.system import System

HEARD_WITHIN = timedelta(minutes=15)
_KEPT = timedelta(days=7)
_CALL_SECONDS = 30.0
_TO = "{kind}+tpma@simulator.amazonses.com"
_SETTLES = {CanaryKind.SUCCESS: EventKind.DELIVERY, CanaryKind.BOUNCE: EventKind.BOUNCE}


def feed_of(system: System) -> str | None:
    """The feed this installation's mails come back by; None where nobody listens to one."""
    listens = system.events is not None or system.push is not None
    if system.mail.name != "ses" or not listens or not system.settings.canary_seconds:
        return None
    return watermark.feed_name("ses", system.settings.ses_configuration_set)


def schedule(system: System) -> int:
    """Queue the canaries whose time has come; how many. A feed with traffic needs only bounces,
    which no ordinary mail can be asked for."""
    name = feed_of(system)
    if name is None:
        return 0
    every = timedelta(seconds=system.settings.canary_seconds)
    now = system.clock()
    with system.db.reading() as session:
        kinds = _wanted(session, name, now, every)
    if not kinds:
        return 0
    turn = int(now.timestamp() // every.total_seconds())
    with system.db.transaction() as session:
        watermark.watch(session, name)
        for kind in kinds:
            jobs.enqueue(
                session, "sending.canary", now, key=f"canary:{name}:{kind}:{turn}", kind=kind.value
            )
    return len(kinds)


def _wanted(session: Session, name: str, now: datetime, every: timedelta) -> list[CanaryKind]:
    latest_of = select(Canary.kind, func.max(Canary.started_at)).group_by(Canary.kind)
    told = {row[0]: row[1] for row in session.execute(latest_of)}
    feed = session.get(Feed, name)
    marks = [told.get(CanaryKind.SUCCESS), feed.attempts_through if feed else None]
    latest = max((mark for mark in marks if mark), default=None)
    bounced = told.get(CanaryKind.BOUNCE)
    wanted = []
    if latest is None or now - latest >= every:
        wanted.append(CanaryKind.SUCCESS)
    if bounced is None or now - bounced >= 2 * every:
        wanted.append(CanaryKind.BOUNCE)
    return wanted


def send(system: System, kind: CanaryKind) -> None:
    """One canary. Like a message it is committed before it leaves: its event cannot come first."""
    name = feed_of(system)
    if name is None:
        return
    key, now = uuid4(), system.clock()
    with system.db.transaction() as session:
        session.execute(delete(Canary).where(Canary.started_at < now - _KEPT))
        session.add(Canary(id=key, feed=name, kind=kind, started_at=now))
    deadline = time.clock_gettime(time.CLOCK_BOOTTIME) + _CALL_SECONDS
    result = system.mail.send(_envelope(system, key, kind, now), deadline)
    with system.db.transaction() as session:
        sent = session.get_one(Canary, key, with_for_update=True)
        sent.outcome = result.outcome.value
        sent.provider_id = sent.provider_id or result.provider_id


def _envelope(system: System, key: UUID, kind: CanaryKind, now: datetime) -> Envelope:
    domain = system.settings.mail_domain
    message = EmailMessage(policy=SMTP)
    message["From"] = f"canary@{domain}"
    message["To"] = _TO.format(kind=kind.value)
    message["Subject"] = "Canary"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<c{key.hex}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-TPMA-Attempt"] = key.hex
    message.set_content("This mail asks whether the event feed is alive.\n")
    return Envelope(
        attempt_id=key.hex,
        name=f"c{key.hex}",
        mail_from=f"canary@{domain}",
        rcpt_to=_TO.format(kind=kind.value),
        raw=message.as_bytes(),
        tags={"tpma-attempt": key.hex, "tpma-env": system.settings.environment},
    )


def heard(canary: Canary, event: DeliveryEvent) -> None:
    """Its own events came back; the earliest moments stand."""
    at = min(event.at, event.handed_over_at or event.at)
    canary.proven_at = min(canary.proven_at or at, at)
    canary.provider_id = canary.provider_id or event.provider_id or None
    if event.kind is _SETTLES[canary.kind]:
        canary.settled_at = min(canary.settled_at or event.at, event.at)


def is_heard(session: Session, now: datetime) -> bool:
    """Did a delivery and a bounce of ours come back within the last quarter of an hour?"""
    kinds = set(
        session.scalars(
            select(Canary.kind)
            .where(Canary.started_at > now - 4 * HEARD_WITHIN)
            .where(Canary.settled_at > now - HEARD_WITHIN)
        )
    )
    return kinds == set(CanaryKind)
