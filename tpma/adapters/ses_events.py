"""Events of Amazon SES (configuration-set publishing) read into ours. Pure; never surprised.

The feed promises no order and no uniqueness, and grows fields, types and subtypes without
notice, so nothing here insists: what is missing is empty, what is new is UNKNOWN.
Source: docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tpma.ports.events import BounceType, DeliveryEvent, EventKind, RawEvent, Unreadable

SOURCE = "ses"
_LONGEST = 500
_MOST_RECIPIENTS = 100
_MOST_HEADERS = 500
_EARLIEST = datetime(2011, 1, 25, tzinfo=UTC)  # when SES first sent a mail
_AHEAD = timedelta(days=1)
_MESSAGE = re.compile(r"<(m\d{1,18}-g\d)\.[0-9a-f]{32}@")
_ATTEMPT = re.compile(r"[0-9a-f]{32}")
_ADDRESS = re.compile(r"[^\s<>()\"';,:=@]+@([^\s<>()\"';,:=@]+)")
_KINDS = {
    "send": EventKind.SEND,
    "delivery": EventKind.DELIVERY,
    "bounce": EventKind.BOUNCE,
    "complaint": EventKind.COMPLAINT,
    "deliverydelay": EventKind.DELAY,
    "reject": EventKind.REJECT,
    "renderingfailure": EventKind.RENDERING_FAILURE,  # written with a space
}
# SES says this in plain text, once, when a destination is set up.
_GREETING = "Successfully validated SNS topic"


def parse(raw: RawEvent) -> list[DeliveryEvent]:
    """The events of a queue's or topic's message, in an SNS envelope or bare.

    Raises Unreadable if it is no JSON.
    """
    told = decoded(raw.body)
    if isinstance(told, dict) and isinstance(told.get("Message"), str) and "TopicArn" in told:
        if told["Message"].startswith(_GREETING):
            return []
        told = decoded(told["Message"])
    return events(told, raw.received_at)


def decoded(text: str) -> object:
    """Raises Unreadable for what is no JSON, or is nested only to do harm."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"This is no JSON: {type(error).__name__}") from error


def events(told: object, received_at: datetime) -> list[DeliveryEvent]:
    """One event a recipient named; none for what is not about a mail. Raises nothing."""
    body = _object(told)
    name = _text(body.get("eventType")) or _text(body.get("notificationType"))
    if not name:
        return []
    kind = _KINDS.get(re.sub(r"[\s_-]", "", name).lower(), EventKind.UNKNOWN)
    frame = _frame(kind, name, _object(body.get("mail")), received_at)
    return _READERS[kind](frame, body)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every kind of event shares, and whom the mail was for."""

    event: DeliveryEvent
    destination: list[str]
    received_at: datetime

    def moment(self, value: object) -> datetime:
        return _moment(value, self.received_at) or self.event.at

    def each(
        self, recipients: Iterable[tuple[str, dict[str, Any]]], **shared: Any
    ) -> list[DeliveryEvent]:
        named = {address.lower(): (address, own) for address, own in recipients}
        if not named:
            named = {address.lower(): (address, {}) for address in self.destination} or {
                "": ("", {})
            }
        return [
            replace(
                self.event,
                recipient=address,
                alone=len(named) == 1,
                **{**shared, **_shortened(own)},
            )
            for address, own in list(named.values())[:_MOST_RECIPIENTS]
        ]


def _shortened(own: dict[str, Any]) -> dict[str, str]:
    """The recipient's own part of the detail, if there is one."""
    words = [_text(own.get(key)) for key in ("status", "diagnosticCode")]
    told = " ".join(word for word in words if word)
    return {"detail": without_addresses(told)} if told else {}


def _frame(kind: EventKind, name: str, mail: dict[str, Any], received_at: datetime) -> _Frame:
    tags = _object(mail.get("tags"))
    handed_over = _moment(mail.get("timestamp"), received_at)
    event = DeliveryEvent(
        source=SOURCE,
        kind=kind,
        at=handed_over or received_at,
        attempt_id=_attempt(_first(tags.get("tpma-attempt"))),
        header_attempt_id=_attempt(_header(mail.get("headers"), "x-tpma-attempt")),
        message_name=_message(_header(mail.get("headers"), "message-id")),
        provider_id=_text(mail.get("messageId"), 120),
        environment=_text(_first(tags.get("tpma-env")), 32),
        account=_text(mail.get("sendingAccountId"), 32),
        feed=_text(_first(tags.get("ses:configuration-set")), 64),
        handed_over_at=handed_over,
        told=name[:40] if kind is EventKind.UNKNOWN else "",
    )
    return _Frame(event, _addresses(mail.get("destination")), received_at)


def _send(frame: _Frame, _body: dict[str, Any]) -> list[DeliveryEvent]:
    """Told once a mail; its object is always empty."""
    return frame.each([])


def _delivery(frame: _Frame, body: dict[str, Any]) -> list[DeliveryEvent]:
    told = _object(body.get("delivery"))
    stamp = _text(told.get("timestamp"))
    return frame.each(
        [(address, {}) for address in _addresses(told.get("recipients"))],
        at=frame.moment(stamp),
        detail=without_addresses(_text(told.get("smtpResponse"))),
        unique=stamp,
    )


def _bounce(frame: _Frame, body: dict[str, Any]) -> list[DeliveryEvent]:
    told = _object(body.get("bounce"))
    stamp = _text(told.get("timestamp"))
    try:
        sort = BounceType(_text(told.get("bounceType")).lower())
    except ValueError:
        sort = BounceType.UNDETERMINED
    return frame.each(
        _recipients(told.get("bouncedRecipients")),
        at=frame.moment(stamp),
        bounce=sort,
        subtype=_text(told.get("bounceSubType"), 40),
        unique=_text(told.get("feedbackId"), 200) or stamp,
    )


def _complaint(frame: _Frame, body: dict[str, Any]) -> list[DeliveryEvent]:
    told = _object(body.get("complaint"))
    stamp = _text(told.get("timestamp"))
    sort = _text(told.get("complaintSubType"), 40) or _text(told.get("complaintFeedbackType"), 40)
    return frame.each(
        _recipients(told.get("complainedRecipients")),
        at=frame.moment(stamp),
        subtype=sort,
        detail=sort,
        unique=_text(told.get("feedbackId"), 200) or stamp,
    )


def _delay(frame: _Frame, body: dict[str, Any]) -> list[DeliveryEvent]:
    told = _object(body.get("deliveryDelay"))
    stamp = _text(told.get("timestamp"))
    sort = _text(told.get("delayType"), 40)
    return frame.each(
        _recipients(told.get("delayedRecipients")),
        at=frame.moment(stamp),
        subtype=sort,
        detail=sort,
        unique=stamp,
    )


def _reject(frame: _Frame, body: dict[str, Any]) -> list[DeliveryEvent]:
    reason = _text(_object(body.get("reject")).get("reason"))
    return frame.each([], detail=without_addresses(reason))


def _rendering_failure(frame: _Frame, body: dict[str, Any]) -> list[DeliveryEvent]:
    message = _text(_object(body.get("failure")).get("errorMessage"))
    return frame.each([], detail=without_addresses(message))


def _unknown(frame: _Frame, body: dict[str, Any]) -> list[DeliveryEvent]:
    """Kept under a key of everything it said but the mail."""
    rest = {name: value for name, value in body.items() if name != "mail"}
    try:
        said = json.dumps(rest, sort_keys=True)
    except RecursionError:  # read at the very limit of the stack
        said = ""
    return frame.each([], unique=hashlib.sha256(said.encode()).hexdigest())


_READERS: dict[EventKind, Callable[[_Frame, dict[str, Any]], list[DeliveryEvent]]] = {
    EventKind.SEND: _send,
    EventKind.DELIVERY: _delivery,
    EventKind.BOUNCE: _bounce,
    EventKind.COMPLAINT: _complaint,
    EventKind.DELAY: _delay,
    EventKind.REJECT: _reject,
    EventKind.RENDERING_FAILURE: _rendering_failure,
    EventKind.UNKNOWN: _unknown,
}


def without_addresses(text: str) -> str:
    """A server's words with addresses shortened: the ledger holds none (RT-10)."""
    return _ADDRESS.sub(r"…@\1", text)[:200]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object, longest: int = _LONGEST) -> str:
    """One line of text; NUL and lone surrogates would be refused by databases."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value[:longest]).strip()


def _first(value: object) -> object:
    return next(iter(value), "") if isinstance(value, list) else value


def _attempt(value: object) -> str:
    text = _text(value).lower()
    return text if _ATTEMPT.fullmatch(text) else ""


def _message(value: str) -> str:
    """The name of the mail in a Message-ID of ours, <m17-g1.attempt@domain>."""
    found = _MESSAGE.match(value)
    return found.group(1) if found else ""


def _header(headers: object, wanted: str) -> str:
    """The value of a header. SES cuts the list at 10 KB, so ours may be missing."""
    for header in _list(headers)[:_MOST_HEADERS]:
        found = _object(header)
        if _text(found.get("name")).lower() == wanted:
            return _text(found.get("value"))
    return ""


def _address(value: object) -> str:
    """The address alone, of "Name <address>" too."""
    text = _text(value, 320)
    _name, opened, rest = text.rpartition("<")
    return rest.partition(">")[0].strip() if opened else text


def _addresses(value: object) -> list[str]:
    found = (_address(item) for item in _list(value)[:_MOST_RECIPIENTS])
    return [address for address in found if address]


def _recipients(value: object) -> list[tuple[str, dict[str, Any]]]:
    found = [_object(item) for item in _list(value)[:_MOST_RECIPIENTS]]
    pairs = ((_address(item.get("emailAddress")), item) for item in found)
    return [(address, item) for address, item in pairs if address]


def _moment(value: object, received_at: datetime) -> datetime | None:
    """A time somebody could have meant: from the first day of SES to a day after we heard."""
    try:
        found = datetime.fromisoformat(_text(value, 40))
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _EARLIEST <= found <= received_at + _AHEAD else None
