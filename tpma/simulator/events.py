"""The event feed of a configuration set: what SES publishes, when, and how it goes wrong."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tpma.simulator.agenda import Agenda
from tpma.simulator.chance import digest, identifier, uniform
from tpma.simulator.clock import Clock, iso
from tpma.simulator.fates import Happening, happenings
from tpma.simulator.grammar import common
from tpma.simulator.knobs import Knobs
from tpma.simulator.sns import Sns
from tpma.simulator.state import State

SUBJECT = "Amazon SES Email Event Notification"
_MOST_HEADER_BYTES = 10 * 1024
_TYPES = {
    "Send": "SEND",
    "Delivery": "DELIVERY",
    "Bounce": "BOUNCE",
    "Complaint": "COMPLAINT",
    "DeliveryDelay": "DELIVERY_DELAY",
    "Reject": "REJECT",
    "Rendering Failure": "RENDERING_FAILURE",
}


@dataclass(slots=True)
class Accepted:
    """A mail SES has taken, as its events tell of it."""

    message_id: str
    at: float
    source: str
    source_arn: str
    destination: list[str]
    headers: list[tuple[str, str]]
    tags: list[tuple[str, str]]
    configuration_set: str
    tenant: str
    source_ip: str
    account_id: str
    auto_tags: dict[str, list[str]] = field(default_factory=dict)


Noticed = Callable[[Accepted, str, Happening], None]


class Feed:
    def __init__(self, clock: Clock, agenda: Agenda, sns: Sns, state: State, knobs: Knobs) -> None:
        self._clock, self._agenda, self._sns = clock, agenda, sns
        self._state, self._knobs = state, knobs
        self._held: list[Callable[[], None]] = []
        self.told: Counter[str] = Counter()
        self.noticed: Noticed = lambda mail, recipient, happening: None

    @property
    def held(self) -> int:
        return len(self._held)

    def follow(self, mail: Accepted, fates: list[tuple[str, list[Happening]]]) -> None:
        """Everything that will happen to a mail; Send is told once for all its recipients."""
        sent = False
        for recipient, to_come in fates:
            for happening in to_come:
                if happening.type == "Send":
                    if not sent:
                        self._plan(mail, mail.destination, happening)
                    sent = True
                else:
                    self._plan(mail, [recipient], happening)

    def replay(self, lines: Iterable[dict[str, Any]], account_id: str) -> int:
        """Tell again what the journal knows: events in flight when a process died, or an archive
        for somebody who lost theirs. Headers are left out, the journal has none."""
        mails: dict[str, list[dict[str, Any]]] = {}
        for line in lines:
            mails.setdefault(line["message_id"], []).append(line)
        for same in mails.values():
            fates = [(line["recipient"], happenings(line["fate"])) for line in same]
            self.follow(_recalled(same, account_id), fates)
        return len(mails)

    def _plan(self, mail: Accepted, whom: list[str], happening: Happening) -> None:
        knobs = self._knobs.events
        at = mail.at + happening.after * knobs.delay
        late = knobs.reorder * self._chance(mail, whom, happening, "late")
        self._agenda.at(at + late, lambda: self._happen(mail, whom, happening, at))

    def _happen(self, mail: Accepted, whom: list[str], happening: Happening, at: float) -> None:
        self.noticed(mail, whom[0], happening)
        knobs = self._knobs.events
        if self._chance(mail, whom, happening, "drop") < knobs.drop:
            self.told["dropped"] += 1
            return
        self._tell(mail, whom, happening, at)
        if self._chance(mail, whom, happening, "twice") < knobs.duplicates:
            self.told["duplicated"] += 1
            later = max(knobs.reorder, 0.05) * self._chance(mail, whom, happening, "again")
            self._agenda.after(later, lambda: self._tell(mail, whom, happening, at))

    def _chance(self, mail: Accepted, whom: list[str], happening: Happening, what: str) -> float:
        return uniform(self._knobs.seed, mail.message_id, whom[0], happening.type, what)

    def _tell(self, mail: Accepted, whom: list[str], happening: Happening, at: float) -> None:
        if self._knobs.events.blackout:
            self._held.append(lambda: self._tell(mail, whom, happening, at))
            return
        topics = self._topics(mail.configuration_set, happening.type)
        if not topics:
            return
        # SES ends the message with a line break, and it is part of what is signed.
        text = json.dumps(document(mail, whom, happening, at), separators=(",", ":")) + "\n"
        self.told[happening.type] += 1
        for arn in topics:
            self._sns.publish(arn, SUBJECT, text)

    def _topics(self, configuration_set: str, kind: str) -> list[str]:
        found = self._state.configuration_sets.get(configuration_set)
        if found is None:
            return []
        return [
            each["SnsDestination"]["TopicArn"]
            for each in found.destinations.values()
            if each.get("Enabled")
            and _TYPES[kind] in each["MatchingEventTypes"]
            and "SnsDestination" in each
        ]

    def is_read(self, configuration_set: str) -> bool:
        found = self._state.configuration_sets.get(configuration_set)
        return bool(found and found.destinations)

    def blackout_over(self) -> None:
        held, self._held = self._held, []
        for tell in held:
            tell()


def _recalled(lines: list[dict[str, Any]], account_id: str) -> Accepted:
    line = lines[0]
    return Accepted(
        message_id=line["message_id"],
        at=line["at"],
        source=line["from"],
        source_arn="",
        destination=[each["recipient"] for each in lines],
        headers=[],
        tags=list(line["tags"].items()),
        configuration_set=line["configuration_set"],
        tenant=line["tenant"],
        source_ip="",
        account_id=account_id,
        auto_tags={"ses:configuration-set": [line["configuration_set"]]},
    )


def document(mail: Accepted, whom: list[str], happening: Happening, at: float) -> dict[str, Any]:
    """One event, in the fields and spellings of SES."""
    part = _PARTS[happening.type]
    key, told = part(mail, whom, happening, at)
    return {"eventType": happening.type, "mail": _mail(mail, happening), key: told}


def _mail(mail: Accepted, happening: Happening) -> dict[str, Any]:
    headers, truncated = _headers(mail.headers)
    tags = {name: [value] for name, value in mail.tags} | mail.auto_tags
    if happening.type == "Delivery":
        tags["ses:outgoing-ip"] = ["192.0.2.10"]
    return {
        "timestamp": iso(mail.at),
        "source": mail.source,
        "sourceArn": mail.source_arn,
        "sendingAccountId": mail.account_id,
        "messageId": mail.message_id,
        "destination": mail.destination,
        "headersTruncated": truncated,
        "headers": headers,
        "commonHeaders": common(mail.headers, mail.message_id),
        "tags": tags,
    }


def _headers(found: list[tuple[str, str]]) -> tuple[list[dict[str, str]], bool]:
    told: list[dict[str, str]] = []
    size = 0
    for name, value in found:
        size += len(name) + len(value)
        if size > _MOST_HEADER_BYTES:
            return told, True
        told.append({"name": name, "value": value})
    return told, False


_Part = tuple[str, dict[str, Any]]


def _send(_mail: Accepted, _whom: list[str], _happening: Happening, _at: float) -> _Part:
    return "send", {}


def _delivery(mail: Accepted, whom: list[str], _happening: Happening, at: float) -> _Part:
    return "delivery", {
        "timestamp": iso(at),
        "processingTimeMillis": int((at - mail.at) * 1000),
        "recipients": whom,
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": _reporter(mail),
    }


def _bounce(mail: Accepted, whom: list[str], happening: Happening, at: float) -> _Part:
    detail = happening.detail
    recipient = {"emailAddress": whom[0]}
    if "status" in detail:
        recipient |= {
            "action": "failed",
            "status": detail["status"],
            "diagnosticCode": detail["diagnosticCode"],
        }
    return "bounce", {
        "feedbackId": _feedback(mail, whom, "bounce"),
        "bounceType": detail["bounceType"],
        "bounceSubType": detail["bounceSubType"],
        "bouncedRecipients": [recipient],
        "timestamp": iso(at),
        "reportingMTA": f"dns; {_reporter(mail)}",
    }


def _complaint(mail: Accepted, whom: list[str], happening: Happening, at: float) -> _Part:
    detail = happening.detail
    domain = whom[0].rpartition("@")[2]
    told = {
        "feedbackId": _feedback(mail, whom, "complaint"),
        "complaintSubType": detail["complaintSubType"],
        # Mailbox providers redact: every recipient of the domain may be the one.
        "complainedRecipients": [
            {"emailAddress": each} for each in mail.destination if each.endswith(f"@{domain}")
        ],
        "timestamp": iso(at),
    }
    if detail["feedback"]:
        told |= {
            "userAgent": "tpma-simulator/1",
            "complaintFeedbackType": detail["feedback"],
            "arrivalDate": iso(at),
        }
    return "complaint", told


def _delay(mail: Accepted, whom: list[str], happening: Happening, at: float) -> _Part:
    detail = happening.detail
    return "deliveryDelay", {
        "timestamp": iso(at),
        "delayType": detail["delayType"],
        "expirationTime": iso(mail.at + 14 * 3600),
        "reportingMTA": _reporter(mail),
        "delayedRecipients": [
            {
                "emailAddress": whom[0],
                "status": detail["status"],
                "diagnosticCode": detail["diagnosticCode"],
            }
        ],
    }


def _reject(_mail: Accepted, _whom: list[str], happening: Happening, _at: float) -> _Part:
    return "reject", dict(happening.detail)


def _failure(_mail: Accepted, _whom: list[str], happening: Happening, _at: float) -> _Part:
    return "failure", dict(happening.detail)


_PARTS = {
    "Send": _send,
    "Delivery": _delivery,
    "Bounce": _bounce,
    "Complaint": _complaint,
    "DeliveryDelay": _delay,
    "Reject": _reject,
    "Rendering Failure": _failure,
}


def _reporter(mail: Accepted) -> str:
    return f"a10-{digest(mail.message_id)[0] % 100}.smtp-out.amazonses.com"


def _feedback(mail: Accepted, whom: list[str], kind: str) -> str:
    return f"{mail.message_id[:16]}-{identifier(mail.message_id, whom[0], kind)}-000000"
