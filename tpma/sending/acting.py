"""Acting as the recipient of a mail in the local outbox: by the doors the real world uses.

Bounces and complaints are events like a provider's. Opens, clicks and unsubscribes belong to the
tracking room; it stands downstream, so it comes to us (`Reader`) and not we to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session

from tpma.core.errors import Conflict, Invalid
from tpma.core.i18n import gettext as _
from tpma.identity.rules import Actor
from tpma.identity.service import record
from tpma.ports.events import BounceType, DeliveryEvent, EventKind
from tpma.sending import feedback
from tpma.sending.mailbox import Kept
from tpma.sending.models import Message
from tpma.system import System


class Deed(StrEnum):
    OPEN = "open"
    CLICK = "click"
    SCAN = "scan"
    UNSUBSCRIBE = "unsubscribe"
    BOUNCE = "bounce"
    SOFT_BOUNCE = "soft_bounce"
    COMPLAIN = "complain"


@dataclass(frozen=True, slots=True)
class _News:
    """What a provider would tell of a deed."""

    kind: EventKind
    bounce: BounceType | None
    subtype: str
    detail: str


_BOUNCE = EventKind.BOUNCE
_EVENTS: dict[Deed, _News] = {
    Deed.BOUNCE: _News(_BOUNCE, BounceType.PERMANENT, "NoEmail", "550 5.1.1 no such user"),
    Deed.SOFT_BOUNCE: _News(_BOUNCE, BounceType.TRANSIENT, "MailboxFull", "452 4.2.2 mailbox full"),
    Deed.COMPLAIN: _News(EventKind.COMPLAINT, None, "abuse", "abuse"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Something a reader, or a machine, did with a mail."""

    at: datetime
    kind: str  # open, click, page_view, form_submit, unsubscribe, download
    link_key: str
    verdict: str
    rule: str


class Reader(Protocol):
    """What tracking does for the mailbox, each exactly as at its own public door."""

    def open(self, session: Session, message: Message) -> None: ...

    def click(self, session: Session, message: Message, link_number: int) -> None: ...

    def scan(self, session: Session, message: Message, link_number: int) -> None: ...

    def unsubscribe(self, session: Session, message: Message) -> None: ...

    def seen(self, session: Session, message: Message) -> Sequence[Seen]: ...


def act(
    session: Session,
    system: System,
    actor: Actor,
    mail: Kept,
    deed: Deed,
    *,
    link_number: int | None,
    reader: Reader,
) -> None:
    """Do what the recipient would. Raises Conflict where mail really leaves, or for a notice."""
    message = mail.message
    if message is None or system.mail.capabilities.leaves_machine:
        raise Conflict(_("Only mails of a launch in the local outbox can be acted on."))
    if deed in _EVENTS:
        _tell(session, system, mail, deed)
    elif deed is Deed.OPEN:
        reader.open(session, message)
    elif deed is Deed.UNSUBSCRIBE:
        reader.unsubscribe(session, message)
    elif link_number is None or link_number not in mail.links:
        raise Invalid(_("Choose a link of this mail."), field="link")
    elif deed is Deed.CLICK:
        reader.click(session, message, link_number)
    else:
        reader.scan(session, message, link_number)
    record(session, actor, message.tenant_id, f"outbox.{deed.value}", mail.row)


def _tell(session: Session, system: System, mail: Kept, deed: Deed) -> None:
    """The event a provider would send; told twice, it is one event."""
    if not mail.attempts:
        raise Conflict(_("This mail was never handed over."))
    news = _EVENTS[deed]
    event = DeliveryEvent(
        source="outbox",
        kind=news.kind,
        attempt_id=mail.attempts[-1].id.hex,
        environment=system.settings.environment,
        at=system.clock(),
        bounce=news.bounce,
        subtype=news.subtype,
        detail=news.detail,
        unique=f"by hand {news.subtype}",
    )
    feedback.apply(session, system.signer, event, system.settings.environment, system.clock())
