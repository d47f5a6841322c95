"""What an answer of Amazon SES proves, and what it does not."""

from typing import Any

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

from tpma.ports.mail import Outcome, Scope, SendResult

_NETWORK_PAUSE = 5.0  # seconds before a provider that cannot be reached is asked again

_NOT_SENT, _REFUSED, _MAYBE = Outcome.NOT_SENT, Outcome.REFUSED, Outcome.MAYBE
# Error codes of the SES v2 reference that prove what happened; anything else is in doubt.
CODES: dict[str, tuple[Outcome, Scope, float | None]] = {
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
# The statuses of an entry of SendBulkEmail. Of those that are not here nobody can tell: the model
# has TRANSIENT_FAILURE and FAILED, and its prose spells some in other ways.
STATUSES: dict[str, tuple[Outcome, Scope, float | None]] = {
    "MESSAGE_REJECTED": (_REFUSED, Scope.MESSAGE, None),
    "INVALID_PARAMETER": (_REFUSED, Scope.MESSAGE, None),
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": (_NOT_SENT, Scope.IDENTITY, 900.0),
    "CONFIGURATION_SET_NOT_FOUND": (_NOT_SENT, Scope.CONFIG, 300.0),
    "TEMPLATE_NOT_FOUND": (_NOT_SENT, Scope.CONFIG, 300.0),
    "INVALID_SENDING_POOL_NAME": (_NOT_SENT, Scope.CONFIG, 300.0),
    "ACCOUNT_SUSPENDED": (_NOT_SENT, Scope.ACCOUNT, 900.0),
    "ACCOUNT_THROTTLED": (_NOT_SENT, Scope.ACCOUNT, 1.0),
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": (_NOT_SENT, Scope.ACCOUNT, 900.0),
    "ACCOUNT_SENDING_PAUSED": (_NOT_SENT, Scope.ACCOUNT, 900.0),
    "CONFIGURATION_SET_SENDING_PAUSED": (_NOT_SENT, Scope.TENANT, 900.0),
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


def of_error(error: DeadlinePassed | BotoCoreError | ClientError) -> SendResult:
    """What a call that raised proves of what it was to submit."""
    if isinstance(error, DeadlinePassed):
        return SendResult(_NOT_SENT, code="DeadlinePassed")
    if isinstance(error, ClientError):
        return _classified(error)
    if isinstance(error, ParamValidationError):
        return SendResult(_REFUSED, code="ParamValidation", detail=str(error)[:200])
    if isinstance(error, _NEVER_LEFT):
        return SendResult(
            _NOT_SENT,
            code=type(error).__name__,
            scope=Scope.ACCOUNT,
            retry_after=_NETWORK_PAUSE,
        )
    return SendResult(_MAYBE, code=type(error).__name__)


def of_message_id(answer: dict[str, Any]) -> SendResult:
    """A broken 200 does not raise: without an id nobody knows."""
    found = answer.get("MessageId")
    return SendResult(Outcome.ACCEPTED, str(found)) if found else SendResult(_MAYBE, code="NoId")


def of_entries(answer: dict[str, Any], count: int) -> list[SendResult]:
    """An outcome for each entry of a SendBulkEmail. A list of another length answers nobody."""
    told = answer.get("BulkEmailEntryResults")
    if not isinstance(told, list) or len(told) != count:
        return [SendResult(_MAYBE, code="NoResults")] * count
    return [_of_entry(entry if isinstance(entry, dict) else {}) for entry in told]


def _of_entry(entry: dict[str, Any]) -> SendResult:
    status, detail = str(entry.get("Status", "")), str(entry.get("Error") or "")[:200]
    if status == "SUCCESS":
        return of_message_id(entry)
    outcome, scope, wait = STATUSES.get(status, (_MAYBE, Scope.MESSAGE, None))
    if status == "MESSAGE_REJECTED" and "not verified" in detail.lower():
        outcome, scope, wait = STATUSES["MAIL_FROM_DOMAIN_NOT_VERIFIED"]
    return SendResult(outcome, None, status[:64] or "NoStatus", detail, scope, wait)


def _classified(error: ClientError) -> SendResult:
    told = error.response.get("Error", {})
    code, detail = str(told.get("Code", "")), str(told.get("Message", ""))[:200]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    known = CODES.get(code)
    if known is None or status >= 500:
        return SendResult(_MAYBE, code=code or str(status), detail=detail)
    outcome, scope, wait = known
    if code == "MessageRejected" and "not verified" in detail.lower():
        outcome, scope, wait = CODES["MailFromDomainNotVerifiedException"]
    if "quota" in detail.lower():
        wait = 900.0  # the daily quota: look again in a quarter of an hour
    return SendResult(outcome, code=code, detail=detail, scope=scope, retry_after=wait)
