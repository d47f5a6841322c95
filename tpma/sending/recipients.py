"""The recipients of a launch in numbers, for the gate. Reads only; names nobody.

A recipient is who planning would give a planned row today: in the audience, on no list, granted,
and their consent carries mail where they live.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from tpma.audiences import quality
from tpma.audiences import queries as audiences
from tpma.audiences.lawful import FROM_VENDOR, agreed_before
from tpma.audiences.models import Contact
from tpma.audiences.rules import months_before
from tpma.launches.models import Launch
from tpma.localization import packs
from tpma.sending.facts import AddressFacts, BacklogFacts, ConsentFacts, FrequencyFacts
from tpma.sending.models import EventInbox, Message, SendState

WEEK = timedelta(days=7)
VENDOR_LIMIT, PARTNER_LIMIT = 6, 4  # mails a person may get in seven days
UNAPPLIED = "received"  # of EventInbox: known, and nothing done yet


def chosen(session: Session, launch: Launch, now: datetime) -> list[ColumnElement[bool]]:
    law = audiences.problem(session, launch.tenant_id, now)
    return [
        *audiences.chosen(session, launch.tenant_id, launch.segment_id),
        audiences.held_back(launch.vendor_id, law=law) == "",
    ]


def consent(
    session: Session, launch: Launch, now: datetime, versions: Mapping[str, str]
) -> ConsentFacts:
    law = audiences.problem(session, launch.tenant_id, now)
    fate = audiences.held_back(launch.vendor_id, law=law).label("fate")
    whole = audiences.chosen(session, launch.tenant_id, launch.segment_id)
    rows = select(fate, Contact.country).where(*whole).subquery()
    found: dict[str, dict[str, int]] = {}
    for rule, country, count in session.execute(
        select(rows.c.fate, rows.c.country, func.count())
        .where(rows.c.fate.in_(["", *audiences.LAWS]))
        .group_by(rows.c.fate, rows.c.country)
    ):
        found.setdefault(rule, {})[country] = count
    people = [*whole, fate.element == ""]
    by_country = audiences.summed(found.pop("", {}).items())
    fresh = ~was_mailed(launch.tenant_id)
    old = agreed_before(months_before(now.date(), 12))
    return ConsentFacts(
        problems=found,
        by_country=by_country,
        packs=versions,
        judged=bool(packs.in_force(now.date())),
        from_vendor=_count(session, *people, Contact.source == FROM_VENDOR),
        untouched_12=_count(session, *people, fresh, old),
    )


def was_mailed(tenant_id: UUID) -> ColumnElement[bool]:
    """This partner wrote to the address before, and the mail was taken."""
    return (
        select(Message.id)
        .where(
            Message.rcpt_key == Contact.hmac,
            Message.tenant_id == tenant_id,
            Message.send_state == SendState.ACCEPTED,
        )
        .correlate(Contact)
        .exists()
    )


def listed(session: Session, launch: Launch, now: datetime) -> int:
    """Recipients that stand on a list all the same: none, while planning leaves them out."""
    return _count(session, *chosen(session, launch, now), audiences.suppressed(launch.vendor_id))


def frequency(session: Session, launch: Launch, now: datetime) -> FrequencyFacts:
    people = chosen(session, launch, now)
    return FrequencyFacts(
        over_vendor=_count(session, *people, over_vendor(launch.vendor_id, now)),
        over_partner=_count(session, *people, over_partner(launch.tenant_id, now)),
        vendor_limit=VENDOR_LIMIT,
        partner_limit=PARTNER_LIMIT,
        held_back=False,
    )


def over_cap(launch: Launch, now: datetime) -> ColumnElement[bool]:
    """A contact who had the most mails allowed in the last seven days (T2: frequency cap)."""
    return or_(over_vendor(launch.vendor_id, now), over_partner(launch.tenant_id, now))


def over_vendor(vendor_id: UUID, now: datetime) -> ColumnElement[bool]:
    """Over all partners of the vendor: they share nothing but this one answer."""
    busy = (
        select(Message.rcpt_key)
        .join(Launch, Launch.id == Message.launch_id)
        .where(Launch.vendor_id == vendor_id, Message.accepted_at >= now - WEEK)
        .group_by(Message.rcpt_key)
        .having(func.count() >= VENDOR_LIMIT)
    )
    return Contact.hmac.in_(busy)


def over_partner(tenant_id: UUID, now: datetime) -> ColumnElement[bool]:
    busy = (
        select(Message.rcpt_key)
        .where(Message.tenant_id == tenant_id, Message.accepted_at >= now - WEEK)
        .group_by(Message.rcpt_key)
        .having(func.count() >= PARTNER_LIMIT)
    )
    return Contact.hmac.in_(busy)


def addresses(session: Session, launch: Launch, now: datetime) -> AddressFacts:
    people = chosen(session, launch, now)
    return AddressFacts(
        never_mailed=_count(session, *people, ~was_mailed(launch.tenant_id)),
        without_mx=0,
        role=_count(session, *people, quality.shared_mailbox()),
        disposable=_count(session, *people, quality.disposable()),
        typos=_count(session, *people, quality.mistyped()),
    )


def backlog(session: Session) -> BacklogFacts:
    waiting, oldest = session.execute(
        select(func.count(), func.min(EventInbox.received_at)).where(EventInbox.status == UNAPPLIED)
    ).one()
    return BacklogFacts(waiting=waiting, oldest=oldest)


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Contact).where(*conditions)) or 0
