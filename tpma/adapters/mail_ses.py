"""Amazon SES (API v2): one recipient a call, Raw, one submission an attempt.

boto3's default client submits up to three times, and SES has no idempotency key: retries are
off, and an assertion at start-up reads that back. An answer we cannot read is MAYBE.
"""

import threading
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
)

from tpma.adapters import mail_checks
from tpma.core.errors import Unavailable
from tpma.core.i18n import gettext as _
from tpma.ports.mail import Capabilities, Envelope, Lookup, Outcome, Quota, Scope, SendResult

_NETWORK_PAUSE = 5.0  # seconds before a provider that cannot be reached is asked again

_NOT_SENT, _REFUSED, _MAYBE = Outcome.NOT_SENT, Outcome.REFUSED, Outcome.MAYBE
# Error codes of the SES v2 reference that prove what happened; anything else is in doubt.
_CODES: dict[str, tuple[Outcome, Scope, float | None]] = {
    "TooManyRequestsException": (_NOT_SENT, Scope.ACCOUNT, 1.0),
    "Throttling": (_NOT_SENT, Scope.ACCOUNT, 1.0),
    "ThrottlingException": (_NOT_SENT, Scope.ACCOUNT, 1.0),
    "LimitExceededException": (_NOT_SENT, Scope.ACCOUNT, 60.0),
    "SendingPausedException": (_NOT_SENT, Scope.TENANT, 900.0),
    "AccountSuspendedException": (_NOT_SENT, Scope.ACCOUNT, 900.0),
    "MailFromDomainNotVerifiedException": (_NOT_SENT, Scope.IDENTITY, 900.0),
    "NotFoundException": (_NOT_SENT, Scope.CONFIG, 300.0),
    "AccessDeniedException": (_NOT_SENT, Scope.ACCOUNT, 300.0),
    "ExpiredTokenException": (_NOT_SENT, Scope.ACCOUNT, 60.0),
    "InvalidSignatureException": (_NOT_SENT, Scope.ACCOUNT, 60.0),
    "SignatureDoesNotMatch": (_NOT_SENT, Scope.ACCOUNT, 60.0),
    "RequestExpired": (_NOT_SENT, Scope.ACCOUNT, 60.0),
    "UnrecognizedClientException": (_NOT_SENT, Scope.ACCOUNT, 300.0),
    "BadRequestException": (_REFUSED, Scope.MESSAGE, None),
    "MessageRejected": (_REFUSED, Scope.MESSAGE, None),
}
_NEVER_LEFT = (
    EndpointConnectionError,
    ConnectTimeoutError,
    ProxyConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)


class DeadlinePassed(Exception):
    """This worker was stopped so long that somebody else may own the message now."""


class SesMail:
    name = "ses"
    capabilities = Capabilities(idempotent=False, leaves_machine=True, parallel=True)

    def __init__(self, client: Any, configuration_set: str) -> None:
        if client.meta.config.retries.get("total_max_attempts") != 1:
            raise ValueError("the SES client must make one attempt only")
        self._client = client
        self._configuration_set = configuration_set
        self._call = threading.local()  # one client serves every thread; a deadline is a thread's
        client.meta.events.register("before-send.sesv2.SendEmail", self._in_time)

    @classmethod
    def of(cls, region: str, configuration_set: str, **client: Any) -> "SesMail":
        """The transport of this process; `client` overrides go to boto3 (an endpoint in tests)."""
        config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=3,
            read_timeout=30,
            max_pool_connections=64,
            tcp_keepalive=True,
        )
        made = boto3.client("sesv2", region_name=region, config=config, **client)
        return cls(made, configuration_set)

    def problems(self, envelope: Envelope) -> list[str]:
        """botocore checks almost nothing of this, and a line break would open a new header."""
        return mail_checks.problems(envelope) + mail_checks.tag_problems(envelope.tags)

    def send(self, envelope: Envelope, deadline: float) -> SendResult:
        self._call.deadline = deadline
        try:
            answer = self._client.send_email(**self._request(envelope))
        except DeadlinePassed:
            return SendResult(_NOT_SENT, code="DeadlinePassed")
        except ClientError as error:
            return _classified(error)
        except ParamValidationError as error:
            return SendResult(_REFUSED, code="ParamValidation", detail=str(error)[:200])
        except _NEVER_LEFT as error:
            return SendResult(
                _NOT_SENT,
                code=type(error).__name__,
                scope=Scope.ACCOUNT,
                retry_after=_NETWORK_PAUSE,
            )
        except BotoCoreError as error:
            return SendResult(_MAYBE, code=type(error).__name__)
        found = answer.get("MessageId")
        # A broken 200 does not raise: without an id nobody knows.
        return (
            SendResult(Outcome.ACCEPTED, str(found)) if found else SendResult(_MAYBE, code="NoId")
        )

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

    def _in_time(self, **_request: Any) -> None:
        if time.clock_gettime(time.CLOCK_BOOTTIME) > self._call.deadline:
            raise DeadlinePassed

    def _request(self, envelope: Envelope) -> dict[str, Any]:
        request: dict[str, Any] = {
            "FromEmailAddress": envelope.mail_from,
            "Destination": {"ToAddresses": [envelope.rcpt_to]},
            "Content": {"Raw": {"Data": envelope.raw}},
            "EmailTags": [{"Name": k, "Value": v} for k, v in envelope.tags.items()],
        }
        if group := envelope.configuration_set or self._configuration_set:
            request["ConfigurationSetName"] = group
        if envelope.tenant:
            request["TenantName"] = envelope.tenant
        return request


def _classified(error: ClientError) -> SendResult:
    told = error.response.get("Error", {})
    code, detail = str(told.get("Code", "")), str(told.get("Message", ""))[:200]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    known = _CODES.get(code)
    if known is None or status >= 500:
        return SendResult(_MAYBE, code=code or str(status), detail=detail)
    outcome, scope, wait = known
    if code == "MessageRejected" and "not verified" in detail.lower():
        outcome, scope, wait = _CODES["MailFromDomainNotVerifiedException"]
    if "quota" in detail.lower():
        wait = 900.0  # the daily quota: look again in a quarter of an hour
    return SendResult(outcome, code=code, detail=detail, scope=scope, retry_after=wait)
