"""What comes back from a provider: what we ask of a feed of events, in our words.

A feed is polled (`EventSource`, a queue) or calls us (`PushedEvents`, signed HTTPS). Both yield
`DeliveryEvent`s, one for each recipient an event names, and neither knows our tables.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tpma.core.errors import Invalid, NotAllowed


class EventKind(StrEnum):
    SEND = "send"  # the provider took the mail: proof of acceptance
    DELIVERY = "delivery"  # the receiving server took it, which is not the inbox
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    DELAY = "delay"
    REJECT = "reject"
    RENDERING_FAILURE = "rendering_failure"
    UNSUBSCRIBE = "unsubscribe"  # a mail to the address of List-Unsubscribe
    UNKNOWN = "unknown"


class BounceType(StrEnum):
    PERMANENT = "permanent"
    TRANSIENT = "transient"
    UNDETERMINED = "undetermined"


class Unreadable(Invalid):
    """An event no parser can make anything of; kept apart and looked at by a person."""


class Forged(NotAllowed):
    """A pushed message that is not from a topic of ours, or not signed as it must be."""


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """One thing that happened to one mail to one recipient. Empty means: the feed did not say."""

    source: str  # the transport that carried the mail: ses, outbox
    kind: EventKind
    at: datetime
    attempt_id: str = ""  # uuid hex, from the tag tpma-attempt
    header_attempt_id: str = ""  # the same from X-TPMA-Attempt, for feeds without tags
    message_name: str = ""  # of the mail's own Message-ID ("m17-g1"), where the feed tells it
    provider_id: str = ""
    environment: str = ""  # tag tpma-env
    account: str = ""
    feed: str = ""  # what the provider publishes under: a configuration set
    handed_over_at: datetime | None = None
    recipient: str = ""
    alone: bool = True  # the only recipient the event names
    bounce: BounceType | None = None
    subtype: str = ""  # of a bounce, or the kind of complaint; as the provider spells it
    detail: str = ""  # for people; without addresses
    unique: str = ""  # feedback id, timestamp…: what tells two events of a kind apart
    token: str = ""  # of an unsubscribe: what the reader's mail names, not checked yet
    told: str = ""  # the provider's own word for a kind unknown to us

    @property
    def dedupe_key(self) -> str:
        """A key of the content: a provider may publish one event twice under two ids."""
        mail = self.provider_id or self.attempt_id or self.header_attempt_id
        place = (self.source, self.account, self.environment)
        what = (self.kind, self.told, self.recipient.lower(), self.unique)
        return hashlib.sha256(json.dumps([*place, mail, *what]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as it arrived. `receipt` is the feed's own handle for taking it off."""

    body: str
    received_at: datetime
    receipt: str = ""
    receives: int = 1  # how often it has been handed out


class EventSource(Protocol):
    """A queue of events. What is not acknowledged comes again."""

    @property
    def name(self) -> str: ...

    def receive(self, most: int, wait_s: float) -> list[RawEvent]:
        """Up to `most` events, waiting for the first. Raises Unavailable."""
        ...

    def ack(self, events: Sequence[RawEvent]) -> None:
        """Take them off the queue; only after what they said was committed."""
        ...

    def parse(self, event: RawEvent) -> list[DeliveryEvent]:
        """One item a recipient. Raises Unreadable for what is no event at all."""
        ...


class PushedKind(StrEnum):
    NOTIFICATION = "notification"
    SUBSCRIPTION = "subscription"  # the provider asks whether we want this topic
    UNSUBSCRIPTION = "unsubscription"  # somebody ended it


@dataclass(frozen=True, slots=True)
class Pushed:
    """A message whose signature held, from a topic of ours."""

    kind: PushedKind
    topic: str
    raw: RawEvent
    token: str = ""  # proves a subscription when it is confirmed


class PushedEvents(Protocol):
    """A feed that posts signed messages to us."""

    @property
    def name(self) -> str: ...

    def open(self, body: bytes, now: datetime) -> Pushed:
        """What a posted body says. Raises Unreadable, Forged, or Unavailable when the
        signature cannot be judged now."""
        ...

    def parse(self, event: RawEvent) -> list[DeliveryEvent]:
        """As `EventSource.parse`."""
        ...

    def confirm(self, topic: str, token: str) -> None:
        """Accept a subscription. Raises Unavailable."""
        ...
