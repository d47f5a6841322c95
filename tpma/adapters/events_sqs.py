"""Events by Amazon SQS: SES publishes to an SNS topic, the topic delivers to this queue.

SNS tries a queue for 23 days and an HTTPS address for an hour, so this is the feed to prefer.
A message that is not deleted comes back after `visibility` seconds.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tpma.adapters import ses_events
from tpma.core.clock import Clock, utc_now
from tpma.core.errors import Unavailable
from tpma.core.log import logger
from tpma.ports.events import DeliveryEvent, RawEvent

_log = logger("events")
_AT_ONCE = 10  # the most SQS hands out, or deletes, by one call
_LONGEST_WAIT = 20


class SqsEvents:
    name = ses_events.SOURCE

    def __init__(
        self, client: Any, queue_url: str, visibility: int, clock: Clock = utc_now
    ) -> None:
        self._client, self._queue, self._visibility = client, queue_url, visibility
        self._clock = clock

    @classmethod
    def of(
        cls, region: str, queue_url: str, visibility: int, clock: Clock, **client: Any
    ) -> "SqsEvents":
        """The queue of this process; `client` overrides go to boto3 (an endpoint in tests)."""
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 3},
            connect_timeout=3,
            read_timeout=_LONGEST_WAIT + 10,
        )
        made = boto3.client("sqs", region_name=region, config=config, **client)
        return cls(made, queue_url, visibility, clock)

    def receive(self, most: int, wait_s: float) -> list[RawEvent]:
        try:
            answer = self._client.receive_message(
                QueueUrl=self._queue,
                MaxNumberOfMessages=max(1, min(most, _AT_ONCE)),
                WaitTimeSeconds=max(0, min(int(wait_s), _LONGEST_WAIT)),
                VisibilityTimeout=self._visibility,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The event queue cannot be read: {error}") from error
        now = self._clock()
        return [
            RawEvent(
                body=message.get("Body", ""),
                received_at=now,
                receipt=message["ReceiptHandle"],
                receives=int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for message in answer.get("Messages", [])
        ]

    def ack(self, events: Sequence[RawEvent]) -> None:
        """What cannot be deleted comes back, and changes nothing then."""
        rest = iter(events)
        while batch := list(islice(rest, _AT_ONCE)):
            entries = [{"Id": str(n), "ReceiptHandle": e.receipt} for n, e in enumerate(batch)]
            try:
                answer = self._client.delete_message_batch(QueueUrl=self._queue, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise Unavailable(f"The event queue cannot be acknowledged: {error}") from error
            if failed := answer.get("Failed"):
                _log.warning("events not acknowledged", count=len(failed))

    def parse(self, event: RawEvent) -> list[DeliveryEvent]:
        return ses_events.parse(event)
