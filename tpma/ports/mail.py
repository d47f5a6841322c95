"""How mail leaves: what we ask of a transport, in our words.

`send` makes one submission and answers with an outcome; it does not raise, because the
caller's next step depends on what is proven, not on what went wrong:

* ACCEPTED  the provider has it
* NOT_SENT  proven that nothing was accepted: the message may be queued again
* REFUSED   proven that this message, as built, will never be taken
* MAYBE     nobody can tell: in doubt, never sent again by itself
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    MAYBE = "maybe"


UNSUBSCRIBE = "unsubscribe"  # local part of the address in List-Unsubscribe


class Scope(StrEnum):
    """Whom a refusal or a pause concerns."""

    MESSAGE = "message"
    IDENTITY = "identity"
    TENANT = "tenant"
    ACCOUNT = "account"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Form:
    """What many readers' mails share, where the provider puts them together.

    {{name}} stands for a reader's value and is replaced by it as it is: values are escaped for
    their place before. `digest` stands for all of it.
    """

    subject: str
    text: str
    html: str
    mail_from: str  # a mailbox with its name, as the From header has it
    reply_to: str
    headers: tuple[tuple[str, str], ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Filled:
    """One reader's part of a form."""

    form: Form
    to: str  # a mailbox with its name, as the To header has it
    values: Mapping[str, str]
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail to one person, built before the attempt and never changed after.

    It is whole in `raw`, or, for a transport that takes many in one call, `filled`.
    """

    attempt_id: str  # uuid hex: tag tpma-attempt, header X-TPMA-Attempt
    name: str  # stable for a message and generation; an idempotent transport keeps one of each
    mail_from: str  # RFC 5322 address of the From header
    rcpt_to: str  # exactly one address
    raw: bytes  # the MIME message with CRLF line ends
    tags: Mapping[str, str] = field(default_factory=dict)
    # Of a partner's own domain; empty: what this installation sends everything by.
    tenant: str = ""  # the partner's name at the provider
    configuration_set: str = ""
    bounce_domain: str = ""  # where its return path lies, for transports that write one
    dkim_domain: str = ""  # d= of a signature of ours
    filled: Filled | None = None


@dataclass(frozen=True, slots=True)
class SendResult:
    outcome: Outcome
    provider_id: str | None = None
    code: str = ""
    detail: str = ""
    scope: Scope = Scope.MESSAGE
    retry_after: float | None = None  # seconds


class Lookup(StrEnum):
    FOUND = "found"
    ABSENT_PROVEN = "absent_proven"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Capabilities:
    idempotent: bool  # a second send of the same `name` is the first one
    leaves_machine: bool
    parallel: bool = False  # waiting for answers is most of the work: many calls at a time
    batch_max: int = 1  # mails of one form in a call; more than 1: it is a `BulkTransport`


@dataclass(frozen=True, slots=True)
class Quota:
    """What the provider lets this account send."""

    max_per_second: float
    max_24h: float  # -1: no limit
    sent_24h: float
    sending_enabled: bool
    sandbox: bool
    enforcement: str  # HEALTHY, PROBATION, SHUTDOWN


class MailTransport(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def problems(self, envelope: Envelope) -> list[str]:
        """Why this envelope may not be sent (header grammar, size); empty when it may."""
        ...

    def send(self, envelope: Envelope, deadline: float) -> SendResult:
        """One submission, none at all after `deadline` (seconds on CLOCK_BOOTTIME)."""
        ...

    def quota(self) -> Quota | None:
        """The account's limits as the provider tells them now; None if it has none.

        Raises Unavailable if it cannot be asked."""
        ...

    def lookup(self, name: str) -> tuple[Lookup, str | None]:
        """What became of an attempt in doubt, and the provider's id if it is known."""
        ...

    def stored(self, provider_id: str) -> bytes | None:
        """The message as kept by a transport that keeps messages, else None."""
        ...

    def forget(self, provider_id: str) -> None:
        """Delete a kept message for good; nothing where none is kept, or no longer."""
        ...


@runtime_checkable
class BulkTransport(Protocol):
    """Takes many mails of one form in one call. Its price: a lost answer leaves all in doubt."""

    def send_batch(self, envelopes: Sequence[Envelope], deadline: float) -> list[SendResult]:
        """One submission of at most `batch_max` filled envelopes of one form; as many answers,
        in their order, whatever happens."""
        ...


@runtime_checkable
class Reachable(Protocol):
    """What has a server at its other end, and can say how that one answers."""

    def reach(self) -> str:
        """One line for `tpma doctor`; nothing is sent. Raises Unavailable."""
        ...
