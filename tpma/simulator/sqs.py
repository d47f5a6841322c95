"""Standard queues, as much of SQS as a consumer needs: receive, delete, visibility, redrive.

At least once and in no promised order, as the real one: what is not deleted in time comes back.
"""

import asyncio
import hashlib
import heapq
import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tpma.simulator.chance import identifier
from tpma.simulator.clock import Clock
from tpma.simulator.errors import Refusal

_DEFAULTS = {"VisibilityTimeout": "30", "ReceiveMessageWaitTimeSeconds": "0"}
_SETTABLE = {*_DEFAULTS, "RedrivePolicy", "MessageRetentionPeriod", "Policy"}
_LONGEST_HOLD = 43_200


@dataclass(slots=True)
class Message:
    id: str
    body: Callable[[], str]  # may be slow the first time: it signs
    sent_at: float
    received: int = 0
    first_at: float = 0.0


class Queue:
    def __init__(self, name: str, attributes: dict[str, str], clock: Clock) -> None:
        self.name = name
        self.attributes = attributes
        self.created_at = clock.now()
        self.arrived = asyncio.Event()
        self._clock = clock
        self._messages: dict[str, Message] = {}
        self._ready: deque[str] = deque()
        self._held: list[tuple[float, str, int]] = []  # visible again at, id, nth receipt
        self._until: dict[str, float] = {}
        clock.when_moved(self.arrived.set)

    def put(self, body: Callable[[], str]) -> Message:
        now = self._clock.now()
        message = Message(identifier(self.name, now, len(self._messages), id(body)), body, now)
        self._take(message)
        return message

    def _take(self, message: Message) -> None:
        self._messages[message.id] = message
        self._ready.append(message.id)
        self.arrived.set()

    def receive(self, most: int, hold: float, overflow: "Overflow") -> list[tuple[Message, str]]:
        """Messages with their receipts, hidden from others for `hold` seconds."""
        self._release()
        found: list[tuple[Message, str]] = []
        while self._ready and len(found) < most:
            message = self._messages.get(self._ready.popleft())
            if message is None:
                continue
            if overflow and overflow(message):
                del self._messages[message.id]
                continue
            message.received += 1
            message.first_at = message.first_at or self._clock.now()
            self._hide(message, hold)
            found.append((message, f"{message.id}.{message.received}"))
        return found

    def _hide(self, message: Message, seconds: float) -> None:
        until = self._clock.now() + seconds
        self._until[message.id] = until
        heapq.heappush(self._held, (until, message.id, message.received))

    def _release(self) -> None:
        now = self._clock.now()
        while self._held and self._held[0][0] <= now:
            until, key, receipt = heapq.heappop(self._held)
            message = self._messages.get(key)
            if message and message.received == receipt and self._until.get(key) == until:
                del self._until[key]
                self._ready.append(key)

    def next_release(self) -> float | None:
        """Seconds until a hidden message may be visible again."""
        return max(0.0, self._held[0][0] - self._clock.now()) if self._held else None

    def delete(self, receipt: str) -> None:
        """A stale receipt is taken and deletes nothing, which SQS allows itself."""
        message = self._of(receipt)
        if message and f"{message.id}.{message.received}" == receipt:
            del self._messages[message.id]
            self._until.pop(message.id, None)

    def change_visibility(self, receipt: str, seconds: float) -> None:
        message = self._of(receipt)
        if not message or message.id not in self._until:
            raise Refusal("MessageNotInflight", "The message is not in flight.")
        self._hide(message, seconds)
        self.arrived.set()

    def _of(self, receipt: str) -> Message | None:
        key, dot, _count = receipt.rpartition(".")
        if not dot:
            raise Refusal(
                "ReceiptHandleIsInvalid", "The input receipt handle is invalid.", status=404
            )
        return self._messages.get(key)

    def purge(self) -> None:
        self._messages.clear()
        self._ready.clear()
        self._held.clear()
        self._until.clear()

    def counts(self) -> dict[str, int]:
        self._release()
        hidden = len(self._until)
        return {"visible": len(self._messages) - hidden, "hidden": hidden}


Overflow = Callable[[Message], bool] | None


class Sqs:
    def __init__(
        self, clock: Clock, kept: dict[str, dict[str, str]], region: str, account: str
    ) -> None:
        self._clock = clock
        self._kept = kept
        self._prefix = f"arn:aws:sqs:{region}:{account}:"
        self._account = account
        self.address = ""
        self.calls: Counter[str] = Counter()
        self.queues = {name: Queue(name, kept[name], clock) for name in kept}

    def arn(self, name: str) -> str:
        return self._prefix + name

    def by_arn(self, arn: str) -> Queue | None:
        return self.queues.get(arn.removeprefix(self._prefix))

    def ensure(self, name: str, attributes: dict[str, str] | None = None) -> Queue:
        unknown = set(attributes or {}) - _SETTABLE
        if unknown:
            raise Refusal("InvalidAttributeName", f"Unknown Attribute {sorted(unknown)[0]}.")
        if name not in self.queues:
            self._kept[name] = {**_DEFAULTS, **(attributes or {})}
            self.queues[name] = Queue(name, self._kept[name], self._clock)
        elif attributes and attributes.items() - self._kept[name].items():
            raise Refusal("QueueNameExists", "A queue of that name has other attributes.")
        return self.queues[name]

    async def call(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """One operation of the API; its input was checked against the model."""
        self.calls[name] += 1
        if name == "ReceiveMessage":
            return await self._receive(given)
        act = _ACTIONS.get(name)
        if act is None:
            raise Refusal("UnsupportedOperation", f"The simulator has no {name}.")
        return act(self, given)

    def _queue(self, given: dict[str, Any]) -> Queue:
        name = given.get("QueueName") or str(given.get("QueueUrl", "")).rpartition("/")[2]
        found = self.queues.get(name)
        if found is None:
            raise Refusal("QueueDoesNotExist", "The specified queue does not exist.")
        return found

    def _url(self, queue: Queue) -> dict[str, str]:
        return {"QueueUrl": f"{self.address}/{self._account}/{queue.name}"}

    async def _receive(self, given: dict[str, Any]) -> dict[str, Any]:
        queue = self._queue(given)
        most = given.get("MaxNumberOfMessages", 1)
        if not 1 <= most <= 10:
            raise Refusal("InvalidParameterValue", "MaxNumberOfMessages must be from 1 to 10.")
        hold = given.get("VisibilityTimeout", int(queue.attributes["VisibilityTimeout"]))
        wait = given.get("WaitTimeSeconds", int(queue.attributes["ReceiveMessageWaitTimeSeconds"]))
        if not 0 <= wait <= 20:
            raise Refusal("InvalidParameterValue", "WaitTimeSeconds must be from 0 to 20.")
        found = await self._wait(queue, most, _hold(hold), wait)
        bodies = await _bodies([message for message, _receipt in found])
        told = [
            _shown(message, receipt, body)
            for (message, receipt), body in zip(found, bodies, strict=True)
        ]
        return {"Messages": told} if told else {}

    async def _wait(
        self, queue: Queue, most: int, hold: float, seconds: float
    ) -> list[tuple[Message, str]]:
        overflow = self._overflow(queue)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            queue.arrived.clear()
            found = queue.receive(most, hold, overflow)
            left = end - loop.time()
            if found or left <= 0:
                return found
            release = queue.next_release()
            try:
                await asyncio.wait_for(
                    queue.arrived.wait(), left if release is None else min(left, release + 0.001)
                )
            except TimeoutError:
                continue

    def _overflow(self, queue: Queue) -> Overflow:
        """What moves a message nobody can digest to the dead-letter queue."""
        policy = json.loads(queue.attributes.get("RedrivePolicy", "null"))
        target = self.by_arn(policy["deadLetterTargetArn"]) if policy else None
        if target is None:
            return None
        most = int(policy["maxReceiveCount"])

        def moved(message: Message) -> bool:
            if message.received < most:
                return False
            target._take(message)
            return True

        return moved

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._url(self.ensure(given["QueueName"], given.get("Attributes")))

    def _get_url(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._url(self._queue(given))

    def _attributes(self, given: dict[str, Any]) -> dict[str, Any]:
        queue = self._queue(given)
        counts = queue.counts()
        every = {
            **queue.attributes,
            "QueueArn": self.arn(queue.name),
            "ApproximateNumberOfMessages": str(counts["visible"]),
            "ApproximateNumberOfMessagesNotVisible": str(counts["hidden"]),
            "ApproximateNumberOfMessagesDelayed": "0",
            "CreatedTimestamp": str(int(queue.created_at)),
        }
        wanted = given.get("AttributeNames", [])
        return {"Attributes": {k: v for k, v in every.items() if k in wanted or "All" in wanted}}

    def _send(self, given: dict[str, Any]) -> dict[str, Any]:
        body = given["MessageBody"]
        message = self._queue(given).put(lambda: body)
        return {"MessageId": message.id, "MD5OfMessageBody": _md5(body)}

    def _delete(self, given: dict[str, Any]) -> dict[str, Any]:
        self._queue(given).delete(given["ReceiptHandle"])
        return {}

    def _hide(self, given: dict[str, Any]) -> dict[str, Any]:
        queue = self._queue(given)
        queue.change_visibility(given["ReceiptHandle"], _hold(given["VisibilityTimeout"]))
        return {}

    def _purge(self, given: dict[str, Any]) -> dict[str, Any]:
        self._queue(given).purge()
        return {}

    def _batch(
        self, given: dict[str, Any], act: Callable[["Sqs", dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        if len(given["Entries"]) > 10:
            raise Refusal("TooManyEntriesInBatchRequest", "At most 10 entries in one request.")
        done, failed = [], []
        for entry in given["Entries"]:
            try:
                act(self, {**entry, "QueueUrl": given["QueueUrl"]})
                done.append({"Id": entry["Id"]})
            except Refusal as refusal:
                told = {"Code": refusal.code, "Message": refusal.message, "SenderFault": True}
                failed.append({"Id": entry["Id"], **told})
        return {"Successful": done, "Failed": failed}

    def _delete_batch(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._batch(given, Sqs._delete)

    def _hide_batch(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._batch(given, Sqs._hide)


_ACTIONS: dict[str, Callable[[Sqs, dict[str, Any]], dict[str, Any]]] = {
    "CreateQueue": Sqs._create,
    "GetQueueUrl": Sqs._get_url,
    "GetQueueAttributes": Sqs._attributes,
    "SendMessage": Sqs._send,
    "DeleteMessage": Sqs._delete,
    "DeleteMessageBatch": Sqs._delete_batch,
    "ChangeMessageVisibility": Sqs._hide,
    "ChangeMessageVisibilityBatch": Sqs._hide_batch,
    "PurgeQueue": Sqs._purge,
}


def _hold(seconds: int) -> float:
    if not 0 <= seconds <= _LONGEST_HOLD:
        raise Refusal(
            "InvalidParameterValue", f"VisibilityTimeout must be from 0 to {_LONGEST_HOLD}."
        )
    return float(seconds)


async def _bodies(messages: list[Message]) -> list[str]:
    """In a thread: what was never received before is signed now."""
    if not messages:
        return []
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: [message.body() for message in messages])


def _shown(message: Message, receipt: str, body: str) -> dict[str, Any]:
    return {
        "MessageId": message.id,
        "ReceiptHandle": receipt,
        "MD5OfBody": _md5(body),
        "Body": body,
        "Attributes": {
            "ApproximateReceiveCount": str(message.received),
            "SentTimestamp": str(int(message.sent_at * 1000)),
            "ApproximateFirstReceiveTimestamp": str(int(message.first_at * 1000)),
        },
    }


def _md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
