"""The mails a registration gives rise to, in each reader's language."""

from collections.abc import Callable, Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma import jobs
from tpma.core.db import clock_of
from tpma.core.i18n import day, moment, money, speaking
from tpma.core.i18n import gettext as _
from tpma.deals.models import DealRegistration
from tpma.deals.rules import REASONS
from tpma.identity.models import Membership, Organisation, User, UserStatus
from tpma.identity.rules import allowed, narrowed
from tpma.partners.models import Enrolment

Words = tuple[str, str]  # subject, body


def received(session: Session, deal: DealRegistration) -> None:
    """To the one who submitted: the receipt; to the deal desk: that somebody waits."""
    for reader in _submitter(session, deal):
        _receipt(session, deal, reader)
    for member in desk_of(session, deal.vendor_id):
        if sees(session, member, deal):
            _waiting(session, deal, member.user)


def _receipt(session: Session, deal: DealRegistration, reader: User) -> None:
    vendor = session.get_one(Organisation, deal.vendor_id)
    with speaking(reader.locale, reader.timezone):
        subject = _("%(ref)s registered: %(account)s", ref=deal.ref, account=deal.account_name)
        body = _(
            "%(account)s is registered under %(ref)s, complete at %(at)s.\n\n"
            "%(vendor)s answers by %(due)s.",
            account=deal.account_name,
            ref=deal.ref,
            at=moment(deal.complete_at, "long") if deal.complete_at else "",
            vendor=vendor.trading_name,
            due=_due(deal),
        )
    _queue(session, deal, "received", reader, subject, body)


def _waiting(session: Session, deal: DealRegistration, reader: User) -> None:
    partner = session.get_one(Organisation, deal.tenant_id).trading_name
    with speaking(reader.locale, reader.timezone):
        subject = _(
            "%(partner)s registered %(account)s", partner=partner, account=deal.account_name
        )
        body = _(
            "%(partner)s registered %(account)s under %(ref)s, %(value)s.\n\n"
            "An answer is due by %(due)s.",
            partner=partner,
            account=deal.account_name,
            ref=deal.ref,
            value=money(deal.estimated_value),
            due=_due(deal),
        )
    _queue(session, deal, "desk", reader, subject, body, tenant_id=deal.vendor_id)


def _due(deal: DealRegistration) -> str:
    return moment(deal.answer_due_at) if deal.answer_due_at else ""


def approved(session: Session, deal: DealRegistration) -> None:
    def words() -> Words:
        return _("%(account)s is protected for you", account=deal.account_name), _(
            "%(ref)s is approved. %(account)s is protected for you until %(until)s.\n\n"
            "Keep the stage up to date on the deal's page, so that the campaign gets its "
            "credit.",
            ref=deal.ref,
            account=deal.account_name,
            until=day(deal.protected_until, "long") if deal.protected_until else "",
        )

    _answer(session, deal, "approved", words)


def rejected(session: Session, deal: DealRegistration) -> None:
    def words() -> Words:
        return _("%(ref)s was declined", ref=deal.ref), _(
            "%(account)s, %(ref)s, was declined: %(rule)s.\n\n%(reason)s",
            account=deal.account_name,
            ref=deal.ref,
            rule=_(REASONS[deal.reject_code]),
            reason=deal.reason,
        )

    _answer(session, deal, "rejected", words)


def asked(session: Session, deal: DealRegistration) -> None:
    def words() -> Words:
        return _("A question about %(account)s", account=deal.account_name), _(
            "About %(ref)s: %(question)s\n\n"
            "Answer within 5 working days and you keep your place in line.",
            ref=deal.ref,
            question=deal.reason,
        )

    _answer(session, deal, f"asked-{deal.asked_at.isoformat() if deal.asked_at else ''}", words)


def queued(session: Session, deal: DealRegistration) -> None:
    """Says that the account is taken for now, and nothing of who holds it."""

    def words() -> Words:
        return _("%(ref)s waits in line", ref=deal.ref), _(
            "%(account)s is protected by an earlier registration. Yours keeps its time and "
            "moves up by itself when the account is free.",
            account=deal.account_name,
        )

    _answer(session, deal, f"queued-{clock_of(session)().isoformat()}", words)


def _answer(
    session: Session, deal: DealRegistration, what: str, words: Callable[[], Words]
) -> None:
    """Tell the one who submitted; `words` is asked where their language is spoken."""
    for reader in _submitter(session, deal):
        with speaking(reader.locale, reader.timezone):
            subject, body = words()
        _queue(session, deal, what, reader, subject, body)


def _submitter(session: Session, deal: DealRegistration) -> Iterable[User]:
    found = session.get(User, deal.submitted_by) if deal.submitted_by else None
    return [found] if found is not None and found.status is UserStatus.ACTIVE else []


def desk_of(
    session: Session, vendor_id: UUID, permission: str = "deals.decide"
) -> list[Membership]:
    """People of the vendor who decide on registrations, or hold another permission."""
    members = session.scalars(
        select(Membership)
        .join(Membership.user)
        .where(
            Membership.organisation_id == vendor_id,
            Membership.ended_at.is_(None),
            Membership.pending.is_(False),
            User.status == UserStatus.ACTIVE,
        )
        .order_by(Membership.id)
    )
    return [member for member in members if permission in allowed(member.roles)]


def sees(session: Session, member: Membership, deal: DealRegistration) -> bool:
    """Whether this registration is of a partner the member may look at."""
    if not narrowed(member.roles, member.sight):
        return True
    return session.get_one(Enrolment, deal.enrolment_id).manager_id == member.user_id


def _queue(
    session: Session,
    deal: DealRegistration,
    what: str,
    reader: User,
    subject: str,
    body: str,
    *,
    tenant_id: UUID | None = None,
) -> None:
    """`tenant_id` is whose mail it is: the partner's, unless said."""
    cause = f"deal:{deal.id}:{what}:{reader.id.hex[-12:]}"
    jobs.enqueue(
        session,
        "sending.notice",
        clock_of(session)(),
        key=f"notice:{cause}",
        tenant_id=str(tenant_id or deal.tenant_id),
        cause=cause,
        recipient=reader.email,
        subject=subject,
        body=body,
        locale=reader.locale,
    )
