"""Domains mail may come from, as we ask a provider to know them: what we want, in our words.

Every `ensure_…` converges: called again, or after somebody changed things by hand, it reads what
is there, compares, and mends. All of them talk to the outside and raise Unavailable, with the
provider's code in its message.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """One line of DNS that somebody has to add. `name` is whole, without the last dot."""

    purpose: str  # ownership, dkim, return_path, spf, dmarc
    kind: str  # CNAME, MX, TXT
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class TenantSpec:
    """A partner as the provider keeps it apart from the others."""

    name: str  # at most 64 of A-Z a-z 0-9 _ -
    strict: bool  # a newcomer: the provider pauses it at the first finding


SHARED = "shared"  # of `TenantState.associated`: the platform's domain and configuration set


@dataclass(frozen=True, slots=True)
class TenantState:
    name: str
    reference: str = ""  # the provider's own name for it
    configuration_set: str = ""
    status: str = "ENABLED"  # ENABLED, REINSTATED, DISABLED
    associated: frozenset[str] = frozenset()  # kinds of what belongs to it


@dataclass(frozen=True, slots=True)
class DomainSpec:
    domain: str
    tenant: TenantState | None = None  # None: the platform's own


@dataclass(frozen=True, slots=True)
class IdentityState:
    """A domain as the provider knows it, and the records it wants for it.

    None means that the provider has no say in it: then DNS alone is asked.
    """

    domain: str
    reference: str = ""
    records: tuple[Record, ...] = ()
    dkim_domain: str = ""  # d= of its signatures
    dkim_bits: int = 0
    dkim_verified: bool | None = None
    mail_from: str = ""  # host of the envelope sender
    mail_from_verified: bool | None = None
    rejects_without_mx: bool = True  # mail is refused, not sent under another name
    configuration_set: str = ""
    associated: frozenset[str] = field(default_factory=frozenset)
    trouble: str = ""  # HOST_NOT_FOUND, TYPE_NOT_FOUND, INVALID_VALUE, DNS_SERVER_ERROR…


class IdentityProvisioner(Protocol):
    @property
    def name(self) -> str:
        """The transport it sets domains up for."""
        ...

    @property
    def has_tenants(self) -> bool:
        """Whether the provider keeps partners apart."""
        ...

    def ensure_tenant(self, tenant: TenantSpec) -> TenantState | None:
        """The partner's place at the provider; None where the provider has no such thing.

        The shared domain and its configuration set belong to it as soon as they are there.
        """
        ...

    def ensure_identity(self, spec: DomainSpec) -> IdentityState:
        """The domain is known there, signed and returned as we want it."""
        ...

    def check_identity(self, spec: DomainSpec) -> IdentityState | None:
        """What the provider says of it now; None if it does not know it (any more)."""
        ...

    def set_tenant_sending(self, tenant: TenantState, enabled: bool) -> None:
        """Stop or reinstate all mail of a partner at the provider."""
        ...

    def teardown(self, domain: str) -> None:
        """The provider forgets the domain; nothing where it never knew it."""
        ...


def of_purpose(records: Sequence[Record], purpose: str) -> list[Record]:
    return [record for record in records if record.purpose == purpose]
