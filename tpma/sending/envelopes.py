"""From a message row to the bytes that leave."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from tpma.core.settings import Settings
from tpma.identity.models import Organisation
from tpma.launches.models import Launch
from tpma.ports.identities import SHARED
from tpma.ports.mail import UNSUBSCRIBE, Envelope, Filled, Form
from tpma.rendering.facts import Person
from tpma.rendering.headers import own_fields, receiver, shared_fields
from tpma.rendering.headers import sender as headers_of_sender
from tpma.rendering.mail import Addressed, Letterhead, MailSkeleton
from tpma.sending.domains import link_hosts, queries, senders
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
    base_url: str  # of the readers' links
    # Of a domain of the partner's own; empty: what this installation sends everything by.
    tenant_ref: str = ""
    configuration_set: str = ""
    bounce_domain: str = ""
    dkim_domain: str = ""


def sender_address(slug: str, settings: Settings) -> str:
    """The fallback sub-domain of a partner without a sending domain of its own."""
    return f"{LOCAL_PART}@{slug}.{settings.mail_domain}"


def shared_name(name: str) -> str:
    """Beside an address of the shared domain, as the mail says it in every language."""
    return f"{name} via {PLATFORM}" if name else ""


def sender_of(session: Session, settings: Settings, launch: Launch) -> From:
    """Who the mails of a launch come from: the partner's own domain, or the shared one."""
    partner = session.get_one(Organisation, launch.tenant_id)
    vendor = session.get_one(Organisation, launch.vendor_id)
    own = senders.of_launch(session, settings, launch)
    shared = From(
        tenant_id=launch.tenant_id,
        name=shared_name(launch.from_name),
        address=sender_address(partner.slug, settings),
        reply_to=launch.reply_to,
        code=launch.campaign_code,
        vendor_slug=vendor.slug,
        partner_slug=partner.slug,
        base_url=link_hosts.base_of(session, settings, launch),
    )
    kept = queries.tenant_of(session, launch.tenant_id, settings.mail)
    if own is None:
        named = kept is not None and SHARED in kept.associated
        return replace(shared, tenant_ref=kept.name if kept and named else "")
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


@dataclass(frozen=True, slots=True)
class Paper:
    """What the mails of a batch are written on: everything in them that no reader decides."""

    sender: From
    head: Letterhead
    tags: Mapping[str, str]


def paper_of(sender: From, settings: Settings, now: datetime) -> Paper:
    partner, vendor = sender.partner_slug, sender.vendor_slug
    domain = settings.mail_domain
    head = Letterhead(
        from_name=sender.name,
        from_address=sender.address,
        reply_to=sender.reply_to,
        list_id=f"{sender.name} <{partner}.{vendor}.{domain}>",
        feedback_id=f"{sender.code}:{partner}:{vendor}:tpma",
        code=sender.code,
        unsubscribe_url=f"{sender.base_url}/u/",
        unsubscribe_mailto=f"{UNSUBSCRIBE}@{domain}?subject=",
        message_domain=sender.address.partition("@")[2],
        date=now,
    )
    tags = {
        "tpma-launch": sender.code,
        "tpma-tenant": sender.tenant_id.hex,
        "tpma-env": settings.environment,
    }
    return Paper(sender, head, tags)


def build(
    skeleton: MailSkeleton,
    recipient: Recipient,
    paper: Paper,
    *,
    attempt_id: UUID,
    token: str,
    forms: dict[str, Form] | None = None,
) -> Envelope:
    """The whole mail; with `forms`, the reader's part of one of them, which keeps what was made
    before. Raises Invalid naming the header if a value may not stand in one."""
    person, sender = recipient.person, paper.sender
    attempt, name = attempt_id.hex, message_name(recipient)
    own = Addressed(
        f"{person.first_name} {person.last_name}".strip(" "),
        recipient.address,
        f"{name}.{attempt}",
        token,
        attempt,
    )
    if forms is None:
        raw, filled = skeleton.message(person, paper.head, own), None
    else:
        raw, filled = b"", _filled(skeleton, person, paper.head, own, forms)
    return Envelope(
        attempt_id=attempt,
        name=name,
        mail_from=sender.address,
        rcpt_to=recipient.address,
        raw=raw,
        tags={"tpma-attempt": attempt, **paper.tags},
        tenant=sender.tenant_ref,
        configuration_set=sender.configuration_set,
        bounce_domain=sender.bounce_domain,
        dkim_domain=sender.dkim_domain,
        filled=filled,
    )


def _filled(
    skeleton: MailSkeleton,
    person: Person,
    head: Letterhead,
    own: Addressed,
    forms: dict[str, Form],
) -> Filled:
    fields = own_fields(head, own, skeleton.subject(person))
    country = person.country if person.country in skeleton.footers else ""
    key = f"{skeleton.digest}:{country}"
    form = forms.get(key) or forms.setdefault(key, _form(skeleton, country, head))
    return Filled(form, receiver(own), skeleton.values(person, own.token), fields)


def _form(skeleton: MailSkeleton, country: str, head: Letterhead) -> Form:
    subject, text, html = skeleton.template(country)
    mail_from, reply_to = headers_of_sender(head)
    shared = shared_fields(head)
    whole = "\0".join((subject, text, html, mail_from, reply_to, *map(": ".join, shared)))
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return Form(subject, text, html, mail_from, reply_to, shared, digest)


def raw_hash(envelope: Envelope) -> bytes:
    """SHA-256 of the bytes that leave; of a filled form, of the form and all that fills it."""
    filled = envelope.filled
    if filled is None:
        return hashlib.sha256(envelope.raw).digest()
    written = (
        filled.form.digest,
        filled.to,
        *filled.values.values(),
        *map(": ".join, filled.headers),
    )
    return hashlib.sha256("\0".join(written).encode()).digest()
