"""What becomes of an accepted mail at one recipient: a list of events with their moments."""

from dataclasses import dataclass, field
from typing import Any

SIMULATOR_DOMAIN = "simulator.amazonses.com"
_MAILBOX = {
    "success": "",
    "bounce": "bounce-noemail",
    "complaint": "complain",
    "ooto": "ooto",
    "suppressionlist": "bounce-accountlist",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One event about one recipient; `after` counts in the configured delay."""

    type: str  # an eventType of SES
    after: float
    detail: dict[str, Any] = field(default_factory=dict)


# subtype, SMTP status, what the other side said
_BOUNCES = {
    "bounce": ("Permanent", "General", "5.0.0", "smtp; 550 5.0.0 rejected"),
    "bounce-general": ("Permanent", "General", "5.0.0", "smtp; 550 5.0.0 rejected"),
    "bounce-late": ("Permanent", "General", "5.0.0", "smtp; 550 5.0.0 rejected after delivery"),
    "bounce-noemail": ("Permanent", "NoEmail", "5.1.1", "smtp; 550 5.1.1 user unknown"),
    "bounce-suppressed": ("Permanent", "Suppressed", "5.1.1", "Amazon SES has suppressed it"),
    "bounce-accountlist": (
        "Permanent",
        "OnAccountSuppressionList",
        "5.1.1",
        "Amazon SES did not send the message because the address is on the suppression list",
    ),
    "bounce-unsubscribed": ("Permanent", "UnsubscribedRecipient", "5.1.1", "unsubscribed"),
    "bounce-transient": ("Transient", "General", "4.0.0", "smtp; 450 4.0.0 try later"),
    "bounce-mailboxfull": ("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 mailbox full"),
    "bounce-toolarge": ("Transient", "MessageTooLarge", "5.3.4", "smtp; 552 5.3.4 too large"),
    "bounce-content": ("Transient", "ContentRejected", "5.7.1", "smtp; 554 5.7.1 content"),
    "bounce-attachment": ("Transient", "AttachmentRejected", "5.7.1", "smtp; 554 5.7.1 attachment"),
    "bounce-undetermined": ("Undetermined", "Undetermined", "", ""),
    "delaybounce": ("Transient", "General", "4.4.7", "smtp; 421 4.4.7 message expired"),
    "ooto": ("Transient", "General", "", ""),
}
_COMPLAINTS = {
    "complain": "abuse",
    "complain-abuse": "abuse",
    "complain-authfailure": "auth-failure",
    "complain-fraud": "fraud",
    "complain-notspam": "not-spam",
    "complain-other": "other",
    "complain-virus": "virus",
    "complain-accountlist": None,
}
_SEND = Happening("Send", 0.0)
_DELIVERY = Happening("Delivery", 1.0)
_DELAY = Happening(
    "DeliveryDelay",
    1.0,
    {
        "delayType": "TransientCommunicationFailure",
        "status": "4.4.1",
        "diagnosticCode": "smtp; 421 4.4.1 unable to connect to remote host",
    },
)


def of_mailbox(address: str) -> str | None:
    """The word for a mailbox simulator address (`+label` allowed), "" for success."""
    local, _at, domain = address.lower().rpartition("@")
    if domain != SIMULATOR_DOMAIN:
        return None
    return _MAILBOX.get(local.partition("+")[0], "bounce-noemail")


def happenings(word: str) -> list[Happening]:
    """What follows acceptance; an unknown or empty word means delivered."""
    if word in _COMPLAINTS:
        return _complaint(word)
    if word in _BOUNCES:
        return _bounce(word)
    return {
        "mute": [],
        "renderfail": rendering_failure("simulated", "Attribute 'name' is not present."),
        "silent": [_SEND],
        "virus": [_SEND, Happening("Reject", 1.0, {"reason": "Bad content"})],
        "delay": [_SEND, _DELAY, Happening("Delivery", 3.0)],
    }.get(word, [_SEND, _DELIVERY])


def rendering_failure(template: str, message: str) -> list[Happening]:
    detail = {"templateName": template, "errorMessage": message}
    return [Happening("Rendering Failure", 0.0, detail)]


def _complaint(word: str) -> list[Happening]:
    if word == "complain-accountlist":
        listed = {"complaintSubType": "OnAccountSuppressionList", "feedback": None}
        return [_SEND, Happening("Complaint", 1.0, listed)]
    told = {"complaintSubType": None, "feedback": _COMPLAINTS[word]}
    return [_SEND, _DELIVERY, Happening("Complaint", 2.0, told)]


def _bounce(word: str) -> list[Happening]:
    kind, subtype, status, diagnostic = _BOUNCES[word]
    detail = {"bounceType": kind, "bounceSubType": subtype}
    if status:
        detail |= {"status": status, "diagnosticCode": diagnostic}
    before = {
        "bounce-late": [_DELIVERY],
        "ooto": [_DELIVERY],
        "delaybounce": [_DELAY],
    }.get(word, [])
    return [_SEND, *before, Happening("Bounce", 3.0 if before else 1.0, detail)]


def suppresses(happening: Happening) -> str | None:
    """The reason with which SES puts the address on a suppression list by itself."""
    detail = happening.detail
    if happening.type == "Bounce" and detail["bounceType"] == "Permanent":
        return "BOUNCE" if detail["bounceSubType"] in ("General", "NoEmail") else None
    if happening.type == "Complaint" and detail["feedback"] not in (None, "not-spam"):
        return "COMPLAINT"
    return None
