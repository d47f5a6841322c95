"""What is known of the readers of a launch, machines left out."""

from collections.abc import Callable, Collection
from contextlib import suppress
from uuid import UUID

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from tpma.audiences.models import Contact
from tpma.core.errors import NotFound
from tpma.core.i18n import gettext as _
from tpma.core.signing import Signer
from tpma.identity.models import Organisation
from tpma.kits import queries as kits
from tpma.launches.models import Launch, LaunchAsset, Link
from tpma.pages import queries as pages
from tpma.rendering.facts import LaunchFacts
from tpma.rendering.frame import Frame, plain_frame
from tpma.rendering.links import page_address
from tpma.sending.models import Message
from tpma.tracking.models import EventType, TrackingEvent, Verdict


def human_clicked(launch_id: UUID) -> Select[UUID | None]:
    """Contacts of a launch who clicked themselves; for use as a subquery."""
    return (
        select(TrackingEvent.contact_id)
        .where(TrackingEvent.launch_id == launch_id, TrackingEvent.type == EventType.CLICK)
        .where(TrackingEvent.verdict == Verdict.HUMAN, TrackingEvent.contact_id.is_not(None))
        .distinct()
    )


def touched(after: int) -> Select[int]:
    """Ids of messages above `after` that have events, in order; for walks over all of them."""
    return (
        select(Message.id)
        .where(
            Message.id > after,
            select(TrackingEvent.id).where(TrackingEvent.message_id == Message.id).exists(),
        )
        .order_by(Message.id)
    )


def message_of(session: Session, signer: Signer, token: str) -> Message:
    """The message a token names. Raises NotFound if it is forged, or of another installation."""
    found = session.get(Message, signer.subject(token))
    if found is None:
        raise NotFound(_("This link is not one of ours."))
    return found


def link_of(session: Session, message: Message, number: int) -> Link:
    """A link of the message's own launch. Raises NotFound: no click reaches any other."""
    found = session.scalar(
        select(Link).where(Link.launch_id == message.launch_id, Link.number == number)
    )
    if found is None:
        raise NotFound(_("This link is not one of ours."))
    return found


def launch_of(session: Session, message: Message) -> Launch:
    return session.get_one(Launch, message.launch_id)


def events_of(
    session: Session, tenant_id: UUID, contact_id: UUID, launch_id: UUID
) -> list[TrackingEvent]:
    """What one person did in one launch, oldest first, machines left out."""
    return list(
        session.scalars(
            select(TrackingEvent)
            .where(TrackingEvent.tenant_id == tenant_id, TrackingEvent.launch_id == launch_id)
            .where(TrackingEvent.contact_id == contact_id, TrackingEvent.verdict == Verdict.HUMAN)
            .order_by(TrackingEvent.occurred_at, TrackingEvent.id)
        )
    )


def page_link(session: Session, launch: Launch, base_url: str) -> Callable[[str], str]:
    """For a link's key the address of the launch's landing page, marked with code and link."""
    content = kits.content(session, launch.kit_version_id)
    partner = session.get_one(Organisation, launch.tenant_id)
    facts = LaunchFacts(
        code=launch.campaign_code,
        base_url=base_url,
        page_url=f"{base_url}/l/{launch.page_slug}",
        partner_slug=partner.slug,
        kit_slug=content.slug,
    )
    return lambda key: page_address(facts, "email", key)


_LAUNCHES = select(Message.id, Message.launch_id).where(
    Message.id.in_(bindparam("messages", expanding=True))
)


def readers(
    session: Session, signer: Signer, shown: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], int]:
    """For launches and tokens the mails they name; without any other token."""
    ids = {}
    for launch_id, token in shown:
        with suppress(NotFound):
            ids[launch_id, token] = signer.subject(token)
    if not ids:
        return {}
    launches = dict(session.execute(_LAUNCHES, {"messages": [*ids.values()]}).all())
    return {key: id_ for key, id_ in ids.items() if launches.get(id_) == key[0]}


_SENDER = (
    select(
        Message.locale,
        Message.launch_id,
        Launch.primary_locale,
        Launch.kit_version_id,
    )
    .join(Launch, Launch.id == Message.launch_id)
    .where(Message.id == bindparam("message"))
)
_EDITION = (
    select(LaunchAsset.sha256, LaunchAsset.locale)
    .where(LaunchAsset.launch_id == bindparam("launch"), LaunchAsset.asset == bindparam("asset"))
    .order_by(LaunchAsset.locale != bindparam("wanted"), LaunchAsset.locale != bindparam("primary"))
    .limit(1)
)


def frame_of(session: Session, message_id: int) -> Frame:
    """Head and foot of the sender's pages in the language of the mail, as frozen with the launch.

    A plain frame where the launch never had a page. Raises NotFound for no such mail.
    """
    row = session.execute(_SENDER, {"message": message_id}).first()
    if row is None:
        raise NotFound(_("This link is not one of ours."))
    asset = kits.content(session, row.kit_version_id).page.key
    wanted = {"wanted": row.locale, "primary": row.primary_locale}
    edition = session.execute(_EDITION, {"launch": row.launch_id, "asset": asset, **wanted}).first()
    if edition is None:
        return plain_frame(row.locale)
    return pages.frozen(session, row.launch_id, asset, *edition).frame


def masked_address(session: Session, message: Message) -> str:
    """p…@harborpoint.example: enough to see whose mails stop, no more; "" if it was erased."""
    email = session.scalar(
        select(Contact.email).where(
            Contact.id == message.contact_id, Contact.tenant_id == message.tenant_id
        )
    )
    local, _at, domain = (email or "").partition("@")
    return f"{local[:1]}…@{domain}" if domain else ""
