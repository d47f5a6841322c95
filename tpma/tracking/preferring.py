"""What a reader wants of a partner's mails: about whose products, and in which language.

Effective as the request commits: planning and every batch ask `audiences.suppressed`.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.audiences.listings import newest_consent
from tpma.audiences.models import (
    ConsentPurpose,
    ConsentState,
    Contact,
    ContactStatus,
    MailChoice,
)
from tpma.core.db import clock_of
from tpma.core.errors import Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.models import Organisation
from tpma.identity.service import record as audit
from tpma.kits import queries as kits
from tpma.launches.models import Launch
from tpma.sending.models import Message
from tpma.tracking import queries


def person(session: Session, message: Message, *, lock: bool = False) -> Contact | None:
    """Who got the mail; None once they are forgotten."""
    query = select(Contact).where(
        Contact.id == message.contact_id,
        Contact.tenant_id == message.tenant_id,
        Contact.status != ContactStatus.ERASED,
    )
    return session.scalar(query.with_for_update() if lock else query)


def has_stopped(session: Session, contact: Contact) -> bool:
    """They want nothing of this partner; looked up without a lock, for a page that is shown."""
    newest = newest_consent(session, contact, ConsentPurpose.PARTNER_MARKETING)
    return newest is not None and newest.state is ConsentState.WITHDRAWN


def vendors(session: Session, message: Message) -> list[tuple[Organisation, bool]]:
    """Whose products this partner ever wrote to this address about, and whether it still may."""
    rows = session.scalars(
        select(Organisation)
        .where(
            Organisation.id.in_(
                select(Launch.vendor_id)
                .join(Message, Message.launch_id == Launch.id)
                .where(Message.tenant_id == message.tenant_id, Message.rcpt_key == message.rcpt_key)
            )
        )
        .order_by(Organisation.trading_name)
    )
    stopped = set(
        session.scalars(
            select(MailChoice.vendor_id).where(
                MailChoice.tenant_id == message.tenant_id,
                MailChoice.email_hmac == message.rcpt_key,
                MailChoice.stopped_at.is_not(None),
            )
        )
    )
    return [(vendor, vendor.id not in stopped) for vendor in rows]


def languages(session: Session, message: Message) -> list[str]:
    """Those the kit of the mail is written in."""
    launch = queries.launch_of(session, message)
    return list(kits.content(session, launch.kit_version_id).locales)


def save(session: Session, message: Message, wanted: Collection[UUID], language: str) -> None:
    """Keep the choice. Raises Invalid for a language no mail comes in."""
    contact = person(session, message, lock=True)
    if contact is None:
        return
    for vendor, was_wanted in vendors(session, message):
        if was_wanted is not (vendor.id in wanted):
            _set(session, message, vendor.id, stopped=was_wanted)
    if language and language != contact.locale:
        if language not in languages(session, message):
            raise Invalid(_("Choose from the list."), field="language")
        contact.locale = language
    audit(session, None, message.tenant_id, "preferences.saved", contact, message=message.id)


def _set(session: Session, message: Message, vendor_id: UUID, *, stopped: bool) -> None:
    found = session.scalar(
        select(MailChoice).where(
            MailChoice.tenant_id == message.tenant_id,
            MailChoice.vendor_id == vendor_id,
            MailChoice.email_hmac == message.rcpt_key,
        )
    )
    if found is None:
        found = MailChoice(
            tenant_id=message.tenant_id, vendor_id=vendor_id, email_hmac=message.rcpt_key
        )
        session.add(found)
    found.stopped_at = clock_of(session)() if stopped else None
    session.flush()
