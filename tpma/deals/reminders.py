"""Answers a deal desk owes: it is told before they are due and when they are late.

One mail a reader, however many registrations. When an answer is late the vendor's admins are told
too, and the history that both sides read says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import gettext as _
from tpma.core.i18n import moment, money, ngettext, speaking
from tpma.deals import rules
from tpma.deals.models import DealRegistration
from tpma.deals.notices import desk_of, sees
from tpma.identity.models import Membership, Organisation, User
from tpma.identity.service import record

_BATCH = 200  # registrations a sweep; the next one is a minute away
_MOST_LISTED = 20


def remind(session: Session, base_url: str) -> int:
    """Tell the desks what is due soon and what is late; how many registrations. Repeatable."""
    now = clock_of(session)()
    found = session.scalars(
        select(DealRegistration)
        .where(DealRegistration.remind_at <= now, DealRegistration.state.in_(rules.WAITING))
        .order_by(DealRegistration.remind_at, DealRegistration.id)
        .limit(_BATCH)
        .with_for_update(of=DealRegistration, skip_locked=True)
    ).all()
    late = [deal for deal in found if deal.answer_due_at is None or deal.answer_due_at <= now]
    soon = [deal for deal in found if deal not in late]
    for vendor_id, deals in _by_vendor(soon):
        _due_soon(session, vendor_id, deals, base_url)
    for vendor_id, deals in _by_vendor(late):
        _late(session, vendor_id, deals, base_url)
    for deal in soon:
        deal.remind_at = deal.answer_due_at
    for deal in late:
        deal.remind_at = None
        record(session, None, deal.vendor_id, "deal.late", deal, ref=deal.ref)
    return len(found)


def _by_vendor(deals: Iterable[DealRegistration]) -> list[tuple[UUID, list[DealRegistration]]]:
    ordered = sorted(deals, key=attrgetter("vendor_id", "remind_at", "id"))
    return [(key, list(group)) for key, group in groupby(ordered, key=attrgetter("vendor_id"))]


def _due_soon(
    session: Session, vendor_id: UUID, deals: Sequence[DealRegistration], base_url: str
) -> None:
    for reader, theirs in _read_by(session, desk_of(session, vendor_id), deals):
        with speaking(reader.locale, reader.timezone):
            subject = ngettext(
                "%(num)s registration is to be answered soon",
                "%(num)s registrations are to be answered soon",
                len(theirs),
            )
            opening = _("Partners see the same clock and wait for you:")
            body = _body(session, opening, theirs, base_url)
        _queue(session, vendor_id, f"deals.soon:{deals[0].id}", reader, subject, body)


def _read_by(
    session: Session, members: Iterable[Membership], deals: Sequence[DealRegistration]
) -> Iterator[tuple[User, list[DealRegistration]]]:
    """Each reader once, with the registrations of partners they may look at, if any."""
    for member in {member.user_id: member for member in members}.values():
        theirs = [deal for deal in deals if sees(session, member, deal)]
        if theirs:
            yield member.user, theirs


def _late(
    session: Session, vendor_id: UUID, deals: Sequence[DealRegistration], base_url: str
) -> None:
    members = desk_of(session, vendor_id) + desk_of(session, vendor_id, "programme.write")
    for reader, theirs in _read_by(session, members, deals):
        with speaking(reader.locale, reader.timezone):
            subject = ngettext(
                "%(num)s registration was not answered in time",
                "%(num)s registrations were not answered in time",
                len(theirs),
            )
            opening = _("The time for an answer is over, and the partner sees that too:")
            body = _body(session, opening, theirs, base_url)
        _queue(session, vendor_id, f"deals.late:{deals[0].id}", reader, subject, body)


def _body(session: Session, opening: str, deals: Sequence[DealRegistration], base_url: str) -> str:
    lines = [_entry(session, deal, base_url) for deal in deals[:_MOST_LISTED]]
    return "\n\n".join([opening, *lines, f"{base_url}/studio/deals/"])


def _entry(session: Session, deal: DealRegistration, base_url: str) -> str:
    words = _(
        "%(ref)s, %(account)s by %(partner)s, %(value)s: answer due %(due)s",
        ref=deal.ref,
        account=deal.account_name,
        partner=session.get_one(Organisation, deal.tenant_id).trading_name,
        value=money(deal.estimated_value),
        due=moment(deal.answer_due_at) if deal.answer_due_at else "",
    )
    return f"{words}\n{base_url}/studio/deals/{deal.id}"


def _queue(
    session: Session, vendor_id: UUID, about: str, reader: User, subject: str, body: str
) -> None:
    # A clock may run twice for one registration, after a question: the moment tells them apart.
    cause = f"{about}:{clock_of(session)():%Y%m%d%H%M}:{reader.id.hex}"
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        key=cause,
        tenant_id=str(vendor_id),
        cause=cause,
        recipient=reader.email,
        subject=subject[:200],
        body=body,
        locale=reader.locale,
    )
