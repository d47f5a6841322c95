"""Messages that went out, and what was done with their links."""

from itertools import count
from typing import Any

from tests.factories import launches, pages
from tests.factories.base import bound, save
from tpma.audiences.models import Contact
from tpma.core.db import clock_of
from tpma.identity.models import Organisation
from tpma.launches.models import Launch
from tpma.sending.models import Message, SendState
from tpma.tracking import counting
from tpma.tracking.models import EventType, TrackingEvent, Verdict

_number = count(1)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/143.0.0.0 Safari/537.36"
)


def message(made: Launch | None = None, person: Contact | None = None, **given: Any) -> Message:
    """Accepted by the transport now, for a reader who agreed to mail."""
    made = made or pages.launch()
    company = bound().get_one(Organisation, made.tenant_id)
    person = person or launches.contact(company)
    number = next(_number)
    values = {
        "tenant_id": made.tenant_id,
        "launch_id": made.id,
        "step": 1,
        "seq": number,
        "contact_id": person.id,
        "rcpt_key": person.hmac or number.to_bytes(16, "big"),
        "locale": "en-US",
        "send_state": SendState.ACCEPTED,
        "accepted_at": clock_of(bound())(),
    }
    return save(Message(**values | given))


def event(made: Launch, kind: EventType = EventType.CLICK, **given: Any) -> TrackingEvent:
    values = {
        "tenant_id": made.tenant_id,
        "launch_id": made.id,
        "campaign_code": made.campaign_code,
        "type": kind,
        "occurred_at": clock_of(bound())(),
        "verdict": Verdict.HUMAN,
    }
    saved = save(TrackingEvent(**values | given))
    counting.rebuild(bound(), [made.id])
    return saved
