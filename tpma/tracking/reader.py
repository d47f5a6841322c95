"""A reader at hand: what the mailbox does in a recipient's name, through our own functions."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from tpma.core.db import clock_of
from tpma.sending.acting import Seen
from tpma.sending.models import Message
from tpma.tracking import queries, service, unsubscribing
from tpma.tracking.models import EventType, TrackingEvent
from tpma.tracking.rules import Visit

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SCANNER = "Mozilla/5.0 (compatible; Proofpoint URL Defense)"


class MailboxReader:
    """`tpma.sending.acting.Reader`."""

    def open(self, session: Session, message: Message) -> None:
        self._note(session, EventType.OPEN, message, BROWSER)

    def click(self, session: Session, message: Message, link_number: int) -> None:
        key = queries.link_of(session, message, link_number).key
        self._note(session, EventType.CLICK, message, BROWSER, key)

    def scan(self, session: Session, message: Message, link_number: int) -> None:
        key = queries.link_of(session, message, link_number).key
        self._note(session, EventType.CLICK, message, SCANNER, key)

    def unsubscribe(self, session: Session, message: Message) -> None:
        visit = Visit(at=clock_of(session)(), method="POST", agent=BROWSER)
        unsubscribing.unsubscribe(session, message, visit, unsubscribing.ONE_CLICK)

    def seen(self, session: Session, message: Message) -> list[Seen]:
        rows = session.scalars(
            select(TrackingEvent)
            .where(
                TrackingEvent.tenant_id == message.tenant_id,
                TrackingEvent.message_id == message.id,
            )
            .order_by(TrackingEvent.occurred_at, TrackingEvent.id)
        )
        return [
            Seen(row.occurred_at, row.type.value, row.link_key, row.verdict.value, row.rule)
            for row in rows
        ]

    def _note(
        self, session: Session, kind: EventType, message: Message, agent: str, link_key: str = ""
    ) -> None:
        launch = queries.launch_of(session, message)
        visit = Visit(at=clock_of(session)(), agent=agent)
        service.record(session, kind, launch, visit, message=message, link_key=link_key)
