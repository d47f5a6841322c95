"""Amazon SES (API v2): one recipient a call, Raw, one submission an attempt. `bulk` is the switch
for accounts with a high rate: fifty readers of one form a call.

boto3's default client submits up to three times, and SES has no idempotency key: retries are
off, and an assertion at start-up reads that back. An answer we cannot read is MAYBE.
"""

import threading
import time
from binascii import b2a_base64
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tpma.adapters import mail_checks, ses_answers, ses_bulk
from tpma.adapters.ses_answers import DeadlinePassed
from tpma.core.errors import Unavailable
from tpma.core.i18n import gettext as _
from tpma.ports.mail import Capabilities, Envelope, Lookup, Outcome, Quota, SendResult

# Stands for a mail's bytes while its request is put together. No name or address can hold it.
_MARK = b"\xff\xefthe bytes of the mail\xff\xef"
_MARKED = b2a_base64(_MARK, newline=False)


class SesMail:
    name = "ses"

    def __init__(self, client: Any, configuration_set: str, *, bulk: bool = False) -> None:
        if client.meta.config.retries.get("total_max_attempts") != 1:
            raise ValueError("the SES client must make one attempt only")
        self.capabilities = Capabilities(
            idempotent=False,
            leaves_machine=True,
            parallel=True,
            batch_max=ses_bulk.MOST_ENTRIES if bulk else 1,
        )
        self._client = client
        self._configuration_set = configuration_set
        self._call = threading.local()  # one client serves every thread; a deadline is a thread's
        client.meta.events.register("before-call.sesv2.SendEmail", self._with_bytes)
        for operation in ("SendEmail", "SendBulkEmail"):
            client.meta.events.register(f"before-send.sesv2.{operation}", self._in_time)

    @classmethod
    def of(
        cls, region: str, configuration_set: str, *, bulk: bool = False, **client: Any
    ) -> "SesMail":
        """The transport of this process; `client` overrides go to boto3 (an endpoint in tests)."""
        config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=3,
            read_timeout=30,
            max_pool_connections=64,
            tcp_keepalive=True,
            # It looks for types and lengths, of fifty entries for longer than all the rest takes;
            # `problems` has looked closer.
            parameter_validation=False,
        )
        made = boto3.client("sesv2", region_name=region, config=config, **client)
        return cls(made, configuration_set, bulk=bulk)

    def problems(self, envelope: Envelope) -> list[str]:
        """botocore checks almost nothing of this, and a line break would open a new header."""
        check = ses_bulk.problems if envelope.filled else mail_checks.problems
        return check(envelope) + mail_checks.tag_problems(envelope.tags)

    def send(self, envelope: Envelope, deadline: float) -> SendResult:
        self._call.raw = envelope.raw
        told = self._told(self._client.send_email, self._request(envelope), deadline)
        return told if isinstance(told, SendResult) else ses_answers.of_message_id(told)

    def send_batch(self, envelopes: Sequence[Envelope], deadline: float) -> list[SendResult]:
        """What is said of the call is said of every entry: also that nobody can tell."""
        request = ses_bulk.request(envelopes, self._configuration_set)
        told = self._told(self._client.send_bulk_email, request, deadline)
        if isinstance(told, SendResult):
            return [told] * len(envelopes)
        return ses_answers.of_entries(told, len(envelopes))

    def _told(
        self, operation: Any, request: dict[str, Any], deadline: float
    ) -> dict[str, Any] | SendResult:
        """The answer of one submission, or what it proves that there is none."""
        self._call.deadline = deadline
        self._call.has_left = False
        try:
            answer: dict[str, Any] = operation(**request)
        except (DeadlinePassed, ClientError, BotoCoreError) as error:
            return ses_answers.of_error(error)
        except (AttributeError, TypeError) as error:
            if not self._call.has_left:  # it was never put together
                return SendResult(Outcome.REFUSED, code="Unbuildable", detail=str(error)[:200])
            # botocore's parser, over JSON of no shape
            return SendResult(Outcome.MAYBE, code="Unreadable", detail=str(error)[:200])
        return answer

    def quota(self) -> Quota | None:
        try:
            told = self._client.get_account()
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(
                _("Amazon SES does not answer (%(code)s).", code=type(error).__name__)
            ) from error
        limits = told.get("SendQuota", {})
        return Quota(
            max_per_second=float(limits.get("MaxSendRate", 1)),
            max_24h=float(limits.get("Max24HourSend", 200)),
            sent_24h=float(limits.get("SentLast24Hours", 0)),
            sending_enabled=bool(told.get("SendingEnabled", False)),
            sandbox=not told.get("ProductionAccessEnabled", False),
            enforcement=str(told.get("EnforcementStatus", "HEALTHY")),
        )

    def lookup(self, name: str) -> tuple[Lookup, str | None]:
        return Lookup.UNKNOWN, None  # only the event feed can tell

    def stored(self, provider_id: str) -> bytes | None:
        return None

    def forget(self, provider_id: str) -> None:
        return None  # nothing is kept

    def _with_bytes(self, params: dict[str, Any], **_request: Any) -> None:
        """The mail itself: botocore would look at each of its letters on the way into JSON, and
        base64 has none that JSON writes in another way."""
        before, mark, after = params["body"].partition(_MARKED)
        if not mark:
            raise TypeError("the request has no place for the mail")
        params["body"] = before + b2a_base64(self._call.raw, newline=False) + after

    def _in_time(self, **_request: Any) -> None:
        if time.clock_gettime(time.CLOCK_BOOTTIME) > self._call.deadline:
            raise DeadlinePassed
        self._call.has_left = True

    def _request(self, envelope: Envelope) -> dict[str, Any]:
        request: dict[str, Any] = {
            "FromEmailAddress": envelope.mail_from,
            "Destination": {"ToAddresses": [envelope.rcpt_to]},
            "Content": {"Raw": {"Data": _MARK}},
            "EmailTags": [{"Name": k, "Value": v} for k, v in envelope.tags.items()],
        }
        if group := envelope.configuration_set or self._configuration_set:
            request["ConfigurationSetName"] = group
        if envelope.tenant:
            request["TenantName"] = envelope.tenant
        return request
