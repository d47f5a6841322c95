"""From a message row to the bytes that leave."""

import hashlib
from dataclasses import dataclass, replace
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
from tpma.sending.domains import queries, senders
from tpma.sending.warmup import organisational
from tpma.system import System

LOCAL_PART = "campaigns"
PLATFORM = "tpma"  # whose name stands beside the partner's on the shared domain


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
    # Of a domain of the partner's own; empty: what this installation sends everything by.
    tenant_ref: str = ""
    configuration_set: str = ""
    bounce_domain: str = ""
    dkim_domain: str = ""


def sender_address(slug: str, settings: Settings) -> str:
    """The fallback sub-domain of a partner without a sending domain of its own."""
    return f"{LOCAL_PART}@{slug}.{settings.mail_domain}"


def sender_of(session: Session, settings: Settings, launch: Launch) -> From:
    """Who the mails of a launch come from: the partner's own domain, or the shared one."""
    partner = session.get_one(Organisation, launch.tenant_id)
    vendor = session.get_one(Organisation, launch.vendor_id)
    own = senders.of_launch(session, settings, launch)
    shared = From(
        tenant_id=launch.tenant_id,
        name=f"{launch.from_name} via {PLATFORM}" if launch.from_name else "",
        address=sender_address(partner.slug, settings),
        reply_to=launch.reply_to,
        code=launch.campaign_code,
        vendor_slug=vendor.slug,
        partner_slug=partner.slug,
    )
    if own is None:
        return shared
    kept = queries.tenant_of(session, launch.tenant_id, settings.mail)
    return replace(
        shared,
        name=launch.from_name,
        address=f"{LOCAL_PART}@{own.domain}",
        tenant_ref=kept.name if kept else "",
        configuration_set=kept.configuration_set if kept else "",
        bounce_domain=own.mail_from,
        dkim_domain=own.dkim_domain,
    )


def reputation_of(session: Session, system: System, launch_id: UUID) -> str:
    """The organisational domain whose reputation a launch's mails touch; "" where none does: they
    stay on this machine, or come from a reserved name."""
    if not system.mail.capabilities.leaves_machine:
        return ""
    launch = session.get_one(Launch, launch_id)
    return organisational(sender_of(session, system.settings, launch).address.rpartition("@")[2])


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
        tenant=sender.tenant_ref,
        configuration_set=sender.configuration_set,
        bounce_domain=sender.bounce_domain,
        dkim_domain=sender.dkim_domain,
    )


def raw_hash(envelope: Envelope) -> bytes:
    return hashlib.sha256(envelope.raw).digest()
