"""From a message row to the bytes that leave."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from tpma.core.settings import Settings
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.launches.models import Launch
from tpma.ports.mail import Envelope
from tpma.rendering.facts import Person
from tpma.rendering.mail import MailHeaders, MailSkeleton


@dataclass(frozen=True, slots=True)
class Recipient:
    """What one message needs of its row, its contact and its launch."""

    message_id: int
    generation: int
    attempt_n: int
    locale: str
    step: int
    contact_id: UUID
    address: str
    person: Person
    variant: str = ""  # of two subjects


@dataclass(frozen=True, slots=True)
class From:
    """Who a launch's mails come from."""

    tenant_id: UUID
    name: str
    address: str
    reply_to: str
    code: str
    vendor_slug: str
    partner_slug: str


def sender_address(slug: str, settings: Settings) -> str:
    """The fallback sub-domain of a partner without a sending domain of its own."""
    return f"campaigns@{slug}.{settings.mail_domain}"


def sender_of(session: Session, settings: Settings, launch: Launch) -> From:
    """Who the mails of a launch come from."""
    partner = session.get_one(Organisation, launch.tenant_id)
    vendor = session.get_one(Organisation, launch.vendor_id)
    return From(
        tenant_id=launch.tenant_id,
        name=launch.from_name,
        address=sender_address(partner.slug, settings),
        reply_to=launch.reply_to,
        code=launch.campaign_code,
        vendor_slug=vendor.slug,
        partner_slug=partner.slug,
    )


def message_name(recipient: Recipient) -> str:
    """Stable for a message and its generation: what makes the outbox idempotent."""
    return f"m{recipient.message_id}-g{recipient.generation}"


def build(
    skeleton: MailSkeleton,
    recipient: Recipient,
    sender: From,
    *,
    attempt_id: UUID,
    signer: Signer,
    settings: Settings,
    now: datetime,
) -> Envelope:
    """The whole mail. Raises Invalid naming the header if a value may not stand in one."""
    token = signer.token(recipient.message_id)
    domain = sender.address.split("@", 1)[1]
    domain_of_lists = settings.mail_domain
    headers = MailHeaders(
        from_name=sender.name,
        from_address=sender.address,
        reply_to=sender.reply_to,
        to_name=" ".join(filter(None, (recipient.person.first_name, recipient.person.last_name))),
        to_address=recipient.address,
        message_id=f"<{message_name(recipient)}.{attempt_id.hex}@{domain}>",
        date=now,
        list_id=f"{sender.name} <{sender.partner_slug}.{sender.vendor_slug}.{domain_of_lists}>",
        unsubscribe_url=f"{settings.base_url}/u/{token}",
        unsubscribe_mailto=f"unsubscribe@{settings.mail_domain}?subject={token}",
        feedback_id=f"{sender.code}:{sender.partner_slug}:{sender.vendor_slug}:tpma",
        code=sender.code,
        attempt_id=attempt_id.hex,
    )
    return Envelope(
        attempt_id=attempt_id.hex,
        name=message_name(recipient),
        mail_from=sender.address,
        rcpt_to=recipient.address,
        raw=skeleton.message(recipient.person, token, headers),
        tags={
            "tpma-attempt": attempt_id.hex,
            "tpma-launch": sender.code,
            "tpma-tenant": sender.tenant_id.hex,
            "tpma-env": settings.environment,
        },
    )


def raw_hash(envelope: Envelope) -> bytes:
    return hashlib.sha256(envelope.raw).digest()
