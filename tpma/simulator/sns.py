"""Topics: envelopes signed like SNS's, handed to queues and posted to web addresses.

Posting tries again on 5xx, 429 and silence; another 4xx is final, as with SNS.
"""

import http.client
import json
import re
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

from tpma.simulator.agenda import Agenda
from tpma.simulator.chance import identifier
from tpma.simulator.clock import Clock, iso
from tpma.simulator.errors import Refusal
from tpma.simulator.keys import Keys
from tpma.simulator.knobs import Sns as Knobs
from tpma.simulator.sqs import Sqs
from tpma.simulator.state import Subscription, Topic

SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_NEVER_ANSWERED = 0


def string_to_sign(fields: dict[str, str]) -> str:
    """The names and values SNS signs, one a line, in its order."""
    wanted = SIGNED[fields["Type"]]
    return "".join(f"{name}\n{fields[name]}\n" for name in wanted if name in fields)


class Envelope:
    """A message of a topic; signed when somebody first reads it, then always the same bytes."""

    def __init__(self, fields: dict[str, str], keys: Keys | None) -> None:
        self.fields = fields
        self._keys = keys
        self._signature = ""
        self._lock = Lock()

    def text(self, **unsigned: str) -> str:
        """JSON as SNS writes it; `unsigned` fields are one subscriber's own."""
        with self._lock:
            if self._keys and not self._signature:
                version = self.fields["SignatureVersion"]
                self._signature = self._keys.sign(string_to_sign(self.fields), version)
        return json.dumps({**self.fields, "Signature": self._signature, **unsigned}, indent=2)


class Sns:
    def __init__(
        self,
        clock: Clock,
        agenda: Agenda,
        keys: Keys,
        queues: Sqs,
        topics: dict[str, Topic],
        knobs: Knobs,
        prefix: str,
        callable_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._clock, self._agenda, self._keys = clock, agenda, keys
        self._queues, self.topics, self._knobs = queues, topics, knobs
        self._prefix = prefix  # arn:aws:sns:<region>:<account>:
        self._hosts = _LOOPBACK | callable_hosts
        self._posting = ThreadPoolExecutor(8, thread_name_prefix="sns")
        self._wakes: Callable[[Callable[[], None]], None] = lambda act: act()
        self._published = 0
        self.address = ""
        self.posts: Counter[str] = Counter()  # by outcome

    def run_in(self, loop: Any) -> None:
        """Results of posting threads come back on this loop."""
        self._wakes = lambda act: loop.call_soon_threadsafe(act)

    def close(self) -> None:
        self._posting.shutdown(wait=False, cancel_futures=True)

    # Topics and who reads them

    def create(self, name: str, attributes: dict[str, str] | None = None) -> Topic:
        if not _TOPIC.fullmatch(name):
            raise Refusal("InvalidParameter", "Invalid parameter: Topic Name")
        arn = self._prefix + name
        topic = self.topics.setdefault(arn, Topic(arn, self._knobs.signature_version))
        for key, value in (attributes or {}).items():
            self.set_attribute(arn, key, value)
        return topic

    def topic(self, arn: str) -> Topic:
        if arn not in self.topics:
            raise Refusal("NotFound", "Topic does not exist", 404)
        return self.topics[arn]

    def set_attribute(self, arn: str, name: str, value: str) -> None:
        topic = self.topic(arn)
        if name == "SignatureVersion":
            if value not in ("1", "2"):
                raise Refusal("InvalidParameter", "Invalid parameter: SignatureVersion")
            topic.signature_version = value

    def subscribe(self, arn: str, protocol: str, endpoint: str) -> Subscription:
        topic = self.topic(arn)
        self._endpoint(protocol, endpoint)
        for each in topic.subscriptions:
            if (each.protocol, each.endpoint) == (protocol, endpoint):
                if not each.confirmed:
                    self._ask(topic, each)
                return each
        number = len(topic.subscriptions)
        key = identifier(arn, endpoint, number)
        token = (identifier(arn, endpoint, number, "token") * 4).replace("-", "")
        made = Subscription(f"{arn}:{key}", protocol, endpoint, token, protocol == "sqs")
        topic.subscriptions.append(made)
        if not made.confirmed:
            self._ask(topic, made)
        return made

    def _endpoint(self, protocol: str, endpoint: str) -> None:
        if protocol == "sqs":
            if not self._queues.by_arn(endpoint):
                raise Refusal("InvalidParameter", "Invalid parameter: SQS endpoint ARN")
            return
        parts = urlsplit(endpoint)
        if protocol not in ("http", "https") or parts.scheme != protocol or not parts.hostname:
            raise Refusal("InvalidParameter", "Invalid parameter: Endpoint must match the protocol")
        if parts.hostname not in self._hosts:
            raise Refusal(
                "InvalidParameter",
                f"The simulator calls this machine only; start it with --may-call {parts.hostname}",
            )

    def confirm(self, arn: str, token: str) -> Subscription:
        for each in self.topic(arn).subscriptions:
            if each.token == token:
                each.confirmed = True
                return each
        raise Refusal("InvalidParameter", "Invalid parameter: Token")

    def unsubscribe(self, arn: str) -> None:
        for topic in self.topics.values():
            topic.subscriptions = [each for each in topic.subscriptions if each.arn != arn]

    # Messages

    def publish(self, arn: str, subject: str, message: str) -> Envelope | None:
        """To every confirmed subscriber; nothing to do for a topic nobody has."""
        topic = self.topics.get(arn)
        if topic is None:
            return None
        fields = self._fields(topic, "Notification", message)
        fields["Subject"] = subject
        envelope = self._envelope(fields)
        self.deliver(topic, envelope)
        return envelope

    def deliver(self, topic: Topic, envelope: Envelope) -> None:
        for each in topic.subscriptions:
            if not each.confirmed:
                continue
            queue = self._queues.by_arn(each.endpoint) if each.protocol == "sqs" else None
            if queue:
                queue.put(partial(self._text, each, envelope))
            elif each.protocol != "sqs":
                self._post_later(each, envelope, 0)

    def _text(self, subscription: Subscription, envelope: Envelope) -> str:
        if envelope.fields["Type"] != "Notification":
            return envelope.text()
        link = self._link("Unsubscribe", SubscriptionArn=subscription.arn)
        return envelope.text(UnsubscribeURL=link)

    def _ask(self, topic: Topic, subscription: Subscription) -> None:
        """The handshake: nothing is posted to an address that has not agreed."""
        told = (
            f"You have chosen to subscribe to the topic {topic.arn}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message."
        )
        fields = self._fields(topic, "SubscriptionConfirmation", told)
        fields["Token"] = subscription.token
        fields["SubscribeURL"] = self._link(
            "ConfirmSubscription", TopicArn=topic.arn, Token=subscription.token
        )
        self._post_later(subscription, self._envelope(fields), 0)

    def _fields(self, topic: Topic, kind: str, message: str) -> dict[str, str]:
        self._published += 1
        now = self._clock.now()
        return {
            "Type": kind,
            "MessageId": identifier(topic.arn, now, self._published),
            "TopicArn": topic.arn,
            "Message": message,
            "Timestamp": iso(now),
            "SignatureVersion": topic.signature_version,
            "SigningCertURL": self._base() + self._keys.certificate_path,
        }

    def _envelope(self, fields: dict[str, str]) -> Envelope:
        return Envelope(fields, self._keys if self._knobs.sign else None)

    def _base(self) -> str:
        return (self._knobs.base_url or self.address).rstrip("/")

    def _link(self, action: str, **given: str) -> str:
        return f"{self._base()}/?{urlencode({'Action': action, **given})}"

    # Posting

    def _post_later(self, subscription: Subscription, envelope: Envelope, tried: int) -> None:
        def post() -> None:
            status = self._post(subscription, envelope)
            self._wakes(lambda: self._posted(subscription, envelope, tried + 1, status))

        self._posting.submit(post)

    def _post(self, subscription: Subscription, envelope: Envelope) -> int:
        parts = urlsplit(subscription.endpoint)
        timeout = self._knobs.timeout
        kind: Any = http.client.HTTPConnection
        options: dict[str, Any] = {}
        if parts.scheme == "https":
            kind = http.client.HTTPSConnection
            options["context"] = ssl.create_default_context(
                cafile=str(self._keys.folder / "ca.pem")
            )
        connection = kind(parts.hostname, parts.port, timeout=timeout, **options)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            body = self._text(subscription, envelope).encode()
            connection.request("POST", path, body, _headers(envelope.fields, subscription))
            return int(connection.getresponse().status)
        except (OSError, http.client.HTTPException):
            return _NEVER_ANSWERED
        finally:
            connection.close()

    def _posted(
        self, subscription: Subscription, envelope: Envelope, tried: int, status: int
    ) -> None:
        if 200 <= status < 300:
            self.posts["delivered"] += 1
        elif 400 <= status < 500 and status != 429:
            self.posts["refused"] += 1
        elif tried > self._knobs.retries:
            self.posts["given up"] += 1
        else:
            self.posts["retried"] += 1
            self._agenda.after(
                self._knobs.retry_delay, lambda: self._post_later(subscription, envelope, tried)
            )


def _headers(fields: dict[str, str], subscription: Subscription) -> dict[str, str]:
    told = {
        "x-amz-sns-message-type": fields["Type"],
        "x-amz-sns-message-id": fields["MessageId"],
        "x-amz-sns-topic-arn": fields["TopicArn"],
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
    }
    if fields["Type"] == "Notification":
        told["x-amz-sns-subscription-arn"] = subscription.arn
    return told
