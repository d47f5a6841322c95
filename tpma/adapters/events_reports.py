"""Events of mail sent by SMTP: bounces and complaints that come back as mails of their own.

A report proves what it says of an attempt; a mail that says nothing of ours is put aside with the
rest. There is no event for an acceptance, so a doubt of SMTP mostly ends unconfirmed.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby

from tpma.adapters.dsn import Kind, Report, Sort, read
from tpma.adapters.report_mailboxes import ReportMailbox
from tpma.adapters.verp import Verp
from tpma.core.log import logger
from tpma.ports.events import BounceType, DeliveryEvent, EventKind, RawEvent

_log = logger("reports")
SOURCE = "smtp"
_KINDS: dict[Kind, tuple[EventKind, BounceType | None, str]] = {
    Kind.DELIVERED: (EventKind.DELIVERY, None, ""),
    Kind.DELAYED: (EventKind.DELAY, None, ""),
    Kind.BOUNCED_HARD: (EventKind.BOUNCE, BounceType.PERMANENT, "NoEmail"),
    Kind.BOUNCED_SOFT: (EventKind.BOUNCE, BounceType.TRANSIENT, "General"),
    Kind.COMPLAINED: (EventKind.COMPLAINT, None, ""),
}


class ReportEvents:
    """An event source over one or more mailboxes."""

    name = SOURCE

    def __init__(
        self,
        mailboxes: Sequence[ReportMailbox],
        verp: Verp,
        unsubscribe: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`unsubscribe`: the address List-Unsubscribe names beside its link."""
        self._mailboxes, self._verp, self._sleep = mailboxes, verp, sleep
        self._unsubscribe = unsubscribe

    def receive(self, most: int, wait_s: float) -> list[RawEvent]:
        """A mailbox cannot be waited at: an empty one is looked into again after the wait."""
        found = [
            RawEvent(
                body=letter.raw.decode("latin-1"),
                received_at=letter.received,
                receipt=f"{number}:{letter.key}",
            )
            for number, mailbox in enumerate(self._mailboxes)
            for letter in mailbox.letters(most)
        ]
        if not found:
            self._sleep(wait_s)
        return found[:most]

    def ack(self, events: Sequence[RawEvent]) -> None:
        keys = sorted(event.receipt.partition(":")[::2] for event in events)
        for number, group in groupby(keys, key=lambda key: key[0]):
            self._mailboxes[int(number)].put_aside([key for _number, key in group])

    def parse(self, event: RawEvent) -> list[DeliveryEvent]:
        """Nothing for a mail that is no report of ours: it needs no place among the dead."""
        raw = event.body.encode("latin-1")
        returned = read(raw, self._verp, event.received_at, self._unsubscribe)
        if returned.sort is Sort.UNSUBSCRIBE:
            digest = hashlib.sha256(raw).hexdigest()[:32]  # the same mail read twice is one
            return [_unsubscribe(returned.token, event.received_at, digest)]
        if returned.sort in {Sort.FORGED, Sort.OTHER}:
            _log.info("returned mail says nothing of ours", sort=returned.sort.value)
        return [_event(report) for report in returned.reports]


def _unsubscribe(token: str, at: datetime, unique: str) -> DeliveryEvent:
    return DeliveryEvent(
        source=SOURCE, kind=EventKind.UNSUBSCRIBE, at=at, token=token, unique=unique
    )


def _event(report: Report) -> DeliveryEvent:
    kind, bounce, subtype = _KINDS[report.kind]
    return DeliveryEvent(
        source=SOURCE,
        kind=kind,
        at=report.at,
        attempt_id=report.attempt_id,
        recipient=report.recipient,
        bounce=bounce,
        subtype=subtype or (report.status if kind is EventKind.COMPLAINT else ""),
        detail=report.diagnostic,
        unique=f"{report.status} {report.at.isoformat()}",
    )
