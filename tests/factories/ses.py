"""What Amazon SES publishes of a mail, and SNS around it; shapes as in the developer guide."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:eu-west-1:123456789012:tpma-events"
CERTIFICATE = (
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-" + "0a1b2c3d" * 4 + ".pem"
)
AT = "2026-03-02T08:59:00.000Z"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def event(
    kind: str,
    attempt: str = "a" * 32,
    *,
    to: str = "ada@reader.example",
    environment: str | None = "local",
    message_id: str = "0102-ses-1",
    mail: dict[str, Any] | None = None,
    **told: Any,
) -> dict[str, Any]:
    """One event; `told` fills the object named after its kind."""
    tags = {"ses:configuration-set": ["tpma"], "ses:from-domain": ["mail.tpma.example"]}
    if attempt:
        tags["tpma-attempt"] = [attempt]
    if environment is not None:
        tags["tpma-env"] = [environment]
    return {
        "eventType": kind,
        "mail": {
            "timestamp": AT,
            "source": "campaigns@a.mail.tpma.example",
            "sendingAccountId": "123456789012",
            "messageId": message_id,
            "destination": [to],
            "headersTruncated": False,
            "headers": [{"name": "X-TPMA-Attempt", "value": attempt}],
            "commonHeaders": {"to": [to]},
            "tags": tags,
        }
        | (mail or {}),
        _OBJECTS.get(kind, kind.lower()): told,
    }


_OBJECTS = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}


def send(attempt: str = "a" * 32, **given: Any) -> dict[str, Any]:
    return event("Send", attempt, **given)


def delivery(attempt: str = "a" * 32, stamp: str = AT, **given: Any) -> dict[str, Any]:
    to = given.get("to", "ada@reader.example")
    return event(
        "Delivery",
        attempt,
        timestamp=stamp,
        recipients=[to],
        smtpResponse=f"250 2.6.0 <{to}> queued",
        processingTimeMillis=3985,
        reportingMTA="a8-70.smtp-out.amazonses.com",
        **given,
    )


def bounce(
    attempt: str = "a" * 32,
    sort: str = "Permanent",
    subtype: str = "NoEmail",
    *,
    recipients: list[str] | None = None,
    feedback: str = "fb-1",
    stamp: str = AT,
    **given: Any,
) -> dict[str, Any]:
    named = recipients or [given.get("to", "ada@reader.example")]
    return event(
        "Bounce",
        attempt,
        bounceType=sort,
        bounceSubType=subtype,
        bouncedRecipients=[
            {
                "emailAddress": address,
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": f"smtp; 550 5.1.1 <{address}>: user unknown",
            }
            for address in named
        ],
        timestamp=stamp,
        feedbackId=feedback,
        reportingMTA="dsn; mta.example",
        **given,
    )


def complaint(
    attempt: str = "a" * 32,
    sort: str | None = "abuse",
    *,
    subtype: str | None = None,
    feedback: str = "fb-c",
    **given: Any,
) -> dict[str, Any]:
    return event(
        "Complaint",
        attempt,
        complainedRecipients=[{"emailAddress": given.get("to", "ada@reader.example")}],
        timestamp=AT,
        feedbackId=feedback,
        complaintFeedbackType=sort,
        complaintSubType=subtype,
        **given,
    )


class Authority:
    """A key and the certificate SNS would publish for it."""

    def __init__(
        self,
        start: datetime = NOW - timedelta(days=30),
        end: datetime = NOW + timedelta(days=300),
        bits: int = 2048,
    ) -> None:
        self.key = rsa.generate_private_key(65537, bits)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .sign(self.key, hashes.SHA256())
        )
        self.pem = made.public_bytes(serialization.Encoding.PEM)

    def sign(self, fields: dict[str, Any], *, sha1: bool = False) -> dict[str, Any]:
        """The fields with a signature over what SNS signs of them."""
        algorithm = hashes.SHA1() if sha1 else hashes.SHA256()
        signed = "".join(f"{name}\n{fields[name]}\n" for name in _signed_of(fields))
        made = self.key.sign(signed.encode(), padding.PKCS1v15(), algorithm)
        return fields | {"Signature": base64.b64encode(made).decode()}

    def message(self, told: Any, *, sha1: bool = False, **changed: Any) -> dict[str, Any]:
        """A notification as SNS posts it, with the subject SES gives and the line break it adds."""
        text = told if isinstance(told, str) else json.dumps(told) + "\n"
        fields = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Subject": "Amazon SES Email Event Notification",
            "Message": text,
            "Timestamp": NOW.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "SignatureVersion": "1" if sha1 else "2",
            "SigningCertURL": CERTIFICATE,
            "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        }
        given = {name: value for name, value in (fields | changed).items() if value is not None}
        return self.sign(given, sha1=sha1)

    def subscription(
        self, kind: str = "SubscriptionConfirmation", **changed: Any
    ) -> dict[str, Any]:
        fields = {
            "Type": kind,
            "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
            "Token": "2336412f37",
            "TopicArn": TOPIC,
            "Message": "You have chosen to subscribe to the topic.",
            "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
            "Timestamp": NOW.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "SignatureVersion": "2",
            "SigningCertURL": CERTIFICATE,
        }
        return self.sign(fields | changed)


def _signed_of(fields: dict[str, Any]) -> list[str]:
    if fields["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = [
            "Message",
            "MessageId",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ]
    return [name for name in names if name in fields]
