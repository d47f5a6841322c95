"""Events by Amazon SNS over HTTPS: the alternative where there is no queue."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tpma.adapters import ses_events, sns_certificates, sns_envelope
from tpma.adapters.sns_certificates import Certificates, Fetch
from tpma.core.errors import Unavailable
from tpma.ports.events import DeliveryEvent, Pushed, RawEvent


class SnsEvents:
    name = ses_events.SOURCE

    def __init__(
        self, topics: Collection[str], *, sha1: bool = False, fetch: Fetch, **client: Any
    ) -> None:
        self._topics = frozenset(topics)
        self._versions = frozenset({"1", "2"} if sha1 else {"2"})
        self._certificates = Certificates(fetch)
        self._client = client  # overrides for boto3 (an endpoint in tests)

    @classmethod
    def of(cls, topics: Collection[str], sha1: bool) -> "SnsEvents":
        return cls(topics, sha1=sha1, fetch=sns_certificates.fetch)

    def open(self, body: bytes, now: datetime) -> Pushed:
        envelope = sns_envelope.read(body, self._topics, self._versions, now)
        self._certificates.verify(
            envelope.certificate_url, envelope.version, envelope.signature, envelope.signed, now
        )
        raw = RawEvent(body.decode("utf-8"), now)
        return Pushed(envelope.kind, envelope.topic, raw, envelope.token)

    def parse(self, event: RawEvent) -> list[DeliveryEvent]:
        return ses_events.parse(event)

    def confirm(self, topic: str, token: str) -> None:
        """By the API, never by opening the address a message brings along."""
        config = Config(connect_timeout=3, read_timeout=10)
        region = topic.split(":")[3]
        try:
            client = boto3.client("sns", region_name=region, config=config, **self._client)
            client.confirm_subscription(
                TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true"
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The subscription cannot be confirmed: {error}") from error
