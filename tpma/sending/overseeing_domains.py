"""What the operator sees of sending domains: their warm-up, and what mailbox providers do.

Figures and domains; no recipient. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.sending import brakes, limits, warmup
from tpma.sending.mailboxes import Mailbox
from tpma.sending.models import SendRate, Warmup
from tpma.sending.warmup import Standing

_MOST = 200


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """One provider and one domain. Counts are of the last four hours, `taken` of the last 24."""

    domain: str
    mailbox: Mailbox
    accepted: int
    deferred: int
    share: float
    taken: int
    a_day: int | None
    per_second: float | None  # while it is slowed down
    until: datetime | None  # None unless it is slowed down now


def warm_ups(session: Session, now: datetime) -> list[Standing]:
    """The last one that sent first."""
    domains = session.scalars(
        select(Warmup.domain).order_by(Warmup.day.desc().nulls_last(), Warmup.domain).limit(_MOST)
    )
    return [warmup.standing(session, domain, now) for domain in domains]


def mailboxes(session: Session, now: datetime) -> list[MailboxLine]:
    """Providers that were written to lately, are slowed down, or have a limit."""
    seen = {(one.domain, one.mailbox): one for one in brakes.deferrals(session, now)}
    rows = {
        _named(row.scope): row
        for row in session.scalars(select(SendRate).where(SendRate.scope.like("mailbox:%")))
        if row.a_day is not None or (row.until is not None and row.until > now)
    }
    keys = sorted({*seen, *rows}, key=lambda key: (key[0], int(key[1])))[:_MOST]
    return [_line(session, key, seen.get(key), rows.get(key), now) for key in keys]


def _named(scope: str) -> tuple[str, Mailbox]:
    _kind, domain, name = scope.split(":")
    return domain, Mailbox[name.upper()]


def _line(
    session: Session,
    key: tuple[str, Mailbox],
    seen: brakes.Deferral | None,
    row: SendRate | None,
    now: datetime,
) -> MailboxLine:
    braked = row is not None and row.until is not None and row.until > now
    return MailboxLine(
        domain=key[0],
        mailbox=key[1],
        accepted=seen.accepted if seen else 0,
        deferred=seen.deferred if seen else 0,
        share=seen.share if seen else 0.0,
        taken=limits.taken(session, limits.mailbox_scope(*key), now),
        a_day=row.a_day if row else None,
        per_second=row.per_second if row and braked else None,
        until=row.until if row and braked else None,
    )
