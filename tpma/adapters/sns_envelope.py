"""The grammar of a message of Amazon SNS, and what of it is signed. Pure, no I/O.

Source: docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from tpma.ports.events import Forged, PushedKind, Unreadable

WINDOW = timedelta(minutes=75)  # SNS stops trying after an hour
_SUBSCRIBING = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _SUBSCRIBING,
    "UnsubscribeConfirmation": _SUBSCRIBING,
}
_KINDS = {
    "Notification": PushedKind.NOTIFICATION,
    "SubscriptionConfirmation": PushedKind.SUBSCRIPTION,
    "UnsubscribeConfirmation": PushedKind.UNSUBSCRIPTION,
}
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?")
_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
_HOST = re.compile(r"sns\.([a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)")
_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{32}\.pem")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message whose form is right; nothing of it is proven yet."""

    kind: PushedKind
    topic: str
    token: str
    certificate_url: str
    version: str
    signature: bytes
    signed: bytes


def read(
    body: bytes, topics: Collection[str], versions: Collection[str], now: datetime
) -> Envelope:
    """All that can be judged without any I/O. Raises Unreadable or Forged.

    The list of topics is the check most forget: without it any customer of AWS may sign.
    """
    fields = _fields(body)
    told = _told(fields)
    topic = fields["TopicArn"]
    if topic not in topics:
        raise Forged("This topic is not one of ours.")
    _in_time(fields["Timestamp"], now)
    if fields["SignatureVersion"] not in versions:
        raise Forged("This signature version is not accepted.")
    return Envelope(
        kind=_KINDS[fields["Type"]],
        topic=topic,
        token=fields.get("Token", ""),
        certificate_url=_certificate_url(fields["SigningCertURL"], topic),
        version=fields["SignatureVersion"],
        signature=_signature(fields["Signature"]),
        signed=told,
    )


def _fields(body: bytes) -> dict[str, str]:
    """The text fields of the message. `Subject` may be null, and is then not signed."""
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Unreadable("This is no message of SNS.") from error
    if not isinstance(found, dict):
        raise Unreadable("This is no message of SNS.")
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _told(fields: dict[str, str]) -> bytes:
    """The string that is signed: each name and value on a line of its own.

    Id and time must have their form: a line break in one could stand for another field.
    """
    names = _SIGNED.get(fields.get("Type", ""))
    if names is None:
        raise Forged("This type of message does not exist.")
    wanted = {*names, "SignatureVersion", "Signature", "SigningCertURL"} - {"Subject"}
    if missing := sorted(wanted - set(fields)):
        raise Forged(f"The message lacks {missing[0]}.")
    if not _ID.fullmatch(fields["MessageId"]) or not _STAMP.fullmatch(fields["Timestamp"]):
        raise Forged("The id or the time of the message is malformed.")
    lines = (f"{name}\n{fields[name]}\n" for name in names if name in fields)
    try:
        return "".join(lines).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Forged("The message holds characters that cannot be signed.") from error


def _in_time(stamp: str, now: datetime) -> None:
    try:
        sent = datetime.fromisoformat(stamp).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Forged("The time of the message is malformed.") from error
    if abs(now - sent) > WINDOW:
        raise Forged("The message is from another time.")


def _certificate_url(url: str, topic: str) -> str:
    """Only the address SNS itself uses, in the topic's own region. Raises Forged."""
    if not url.isascii() or not url.isprintable() or any(c in url for c in " \\@?#%"):
        raise Forged("The certificate's address is malformed.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Forged("The certificate's address is malformed.") from error
    host = _HOST.fullmatch(parts.netloc)  # whole: no port, no user
    region = _TOPIC.fullmatch(topic)
    if not url.startswith("https://") or host is None or not _PATH.fullmatch(parts.path):
        raise Forged("The certificate does not come from SNS.")
    if region is None or region[1] != host[1]:
        raise Forged("The certificate is of another region.")
    return url


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Forged("The signature is malformed.") from error
