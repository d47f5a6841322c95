"""What the account holds: identities, configuration sets, tenants, suppressed addresses, topics.

Kept in one file, written whole and swapped in, so a restart finds what a client was told.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tpma.simulator.knobs import Account

DAYS_TO_VERIFY = 72 * 3600.0


@dataclass
class Dns:
    """What the simulated DNS says: "published", "unchecked" or a VerificationInfo.ErrorType."""

    answer: str = "unchecked"
    since: float = 0.0


@dataclass
class Identity:
    name: str
    type: str  # DOMAIN, EMAIL_ADDRESS
    created_at: float
    tokens: list[str] = field(default_factory=list)
    key_length: str = "RSA_2048_BIT"
    signing: bool = True
    status: str = "PENDING"
    checked_at: float | None = None
    success_at: float | None = None
    failing_since: float | None = None
    dns: Dns = field(default_factory=Dns)
    mail_from: str = ""
    mail_from_status: str = "PENDING"
    mail_from_dns: Dns = field(default_factory=Dns)
    on_mx_failure: str = "USE_DEFAULT_VALUE"
    feedback_forwarding: bool = True
    configuration_set: str | None = None
    tags: list[dict[str, str]] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return self.status in ("SUCCESS", "TEMPORARY_FAILURE")


@dataclass
class ConfigurationSet:
    name: str
    options: dict[str, dict[str, Any]] = field(default_factory=dict)  # DeliveryOptions and so on
    tags: list[dict[str, str]] = field(default_factory=list)
    destinations: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def sending(self) -> bool:
        return bool(self.options.get("SendingOptions", {}).get("SendingEnabled", True))


@dataclass
class Status:
    """One side's word on a tenant: its customer's or SES's own."""

    status: str = "ENABLED"
    cause: str = ""
    at: float = 0.0


@dataclass
class Tenant:
    name: str
    id: str
    created_at: float
    resources: dict[str, float] = field(default_factory=dict)  # ARN → associated at
    suppressed_reasons: list[str] | None = None
    suppression_scope: str = "ACCOUNT"
    policy: str = ""
    by_customer: Status = field(default_factory=Status)
    by_ses: Status = field(default_factory=Status)
    tags: list[dict[str, str]] = field(default_factory=list)

    @property
    def sending_status(self) -> str:
        """Either side can stop a tenant; SES's stop is overridden by REINSTATED."""
        mine, theirs = self.by_customer.status, self.by_ses.status
        if mine == "DISABLED" or (theirs == "DISABLED" and mine != "REINSTATED"):
            return "DISABLED"
        return "REINSTATED" if "REINSTATED" in (mine, theirs) else "ENABLED"


@dataclass
class Subscription:
    arn: str
    protocol: str  # sqs, http, https
    endpoint: str
    token: str = ""
    confirmed: bool = False


@dataclass
class Topic:
    arn: str
    signature_version: str = "1"
    subscriptions: list[Subscription] = field(default_factory=list)


@dataclass
class State:
    account: Account = field(default_factory=Account)
    identities: dict[str, Identity] = field(default_factory=dict)
    configuration_sets: dict[str, ConfigurationSet] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    # tenant or "" → address as written → [reason, since, message id]
    suppressed: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)  # by ARN
    queues: dict[str, dict[str, str]] = field(default_factory=dict)  # name → attributes


def save(state: State, home: Path) -> None:
    draft = home / "state.json.draft"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home / "state.json")


def load(home: Path) -> State:
    path = home / "state.json"
    if not path.exists():
        return State()
    kept = json.loads(path.read_text(encoding="utf-8"))
    return State(
        account=Account(**kept["account"]),
        identities={k: _identity(v) for k, v in kept["identities"].items()},
        configuration_sets={
            k: ConfigurationSet(**v) for k, v in kept["configuration_sets"].items()
        },
        tenants={k: _tenant(v) for k, v in kept["tenants"].items()},
        suppressed=kept["suppressed"],
        topics={k: _topic(v) for k, v in kept["topics"].items()},
        queues=kept["queues"],
    )


def _identity(kept: dict[str, Any]) -> Identity:
    dns, mail_from_dns = Dns(**kept.pop("dns")), Dns(**kept.pop("mail_from_dns"))
    return Identity(**kept, dns=dns, mail_from_dns=mail_from_dns)


def _tenant(kept: dict[str, Any]) -> Tenant:
    by_customer, by_ses = Status(**kept.pop("by_customer")), Status(**kept.pop("by_ses"))
    return Tenant(**kept, by_customer=by_customer, by_ses=by_ses)


def _topic(kept: dict[str, Any]) -> Topic:
    subscriptions = [Subscription(**each) for each in kept.pop("subscriptions")]
    return Topic(**kept, subscriptions=subscriptions)
