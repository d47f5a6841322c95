"""In-memory ports that remember what they were asked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from tpma.ports.dns import NOTHING, Answer, Told
from tpma.ports.identities import (
    SHARED,
    DomainSpec,
    IdentityState,
    Record,
    TenantSpec,
    TenantState,
)
from tpma.ports.mail import Capabilities, Envelope, Lookup, Outcome, Quota, SendResult

Script = Callable[[Envelope], SendResult | None]


class FakePdf:
    """Keeps the HTML it was given and returns a small PDF-like answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pdf(self, html: str, *, assets: Mapping[str, tuple[bytes, str]]) -> bytes:
        self.asked.append(html)
        return b"%PDF-1.7 fake"


class FakeMail:
    """A provider that does as its `script` says, and accepts what the script says nothing of.

    `taken` is what the provider has: every submission it accepted, in order, twice if it got one
    twice. A script that returns MAYBE decides itself whether the mail is taken (`take`).
    """

    name = "fake"

    def __init__(
        self, script: Script | None = None, *, idempotent: bool = False, leaves: bool = True
    ) -> None:
        self.capabilities = Capabilities(idempotent=idempotent, leaves_machine=leaves)
        self.script = script
        self.limits: Quota | None = None
        self.asked: list[Envelope] = []
        self.taken: list[Envelope] = []
        self.known: dict[str, Lookup] = {}  # what `lookup` answers, by name
        self._lock = Lock()

    def problems(self, envelope: Envelope) -> list[str]:
        return []

    def send(self, envelope: Envelope, deadline: float) -> SendResult:
        with self._lock:
            self.asked.append(envelope)
        told = self.script(envelope) if self.script else None
        if told is None:
            told = SendResult(Outcome.ACCEPTED, provider_id=f"fake-{envelope.name}")
        if told.outcome is Outcome.ACCEPTED:
            self.take(envelope)
        return told

    def take(self, envelope: Envelope) -> None:
        with self._lock:
            self.taken.append(envelope)

    def quota(self) -> Quota | None:
        return self.limits

    def lookup(self, name: str) -> tuple[Lookup, str | None]:
        found = self.known.get(name, Lookup.UNKNOWN)
        return found, f"fake-{name}" if found is Lookup.FOUND else None

    def stored(self, provider_id: str) -> bytes | None:
        return None

    def forget(self, provider_id: str) -> None:
        return None

    @property
    def recipients(self) -> list[str]:
        return [envelope.rcpt_to for envelope in self.taken]


class FakeDns:
    """A zone as a dict: (name, kind) → texts, or an Answer."""

    def __init__(self, zone: Mapping[tuple[str, str], list[str] | Answer] | None = None) -> None:
        self.zone = dict(zone or {})
        self.asked: list[tuple[str, str]] = []

    def ask(self, name: str, kind: str) -> Answer:
        self.asked.append((name, kind))
        found = self.zone.get((name, kind), NOTHING)
        return found if isinstance(found, Answer) else Answer(Told.FOUND, tuple(found))

    def publish(self, records: Iterable[Record]) -> None:
        for record in records:
            there = self.zone.setdefault((record.name, record.kind), [])
            if isinstance(there, list) and record.value not in there:
                there.append(record.value)


class FakeProvisioner:
    """A provider that knows what it was asked to set up, and believes DNS at once."""

    name = "fake"
    has_tenants = True

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.verified = True
        self.domains: dict[str, str] = {}  # domain → tenant
        self.asked: list[str] = []
        self.stopped: set[str] = set()

    def _say(self, what: str) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error

    def ensure_tenant(self, tenant: TenantSpec) -> TenantState:
        self._say("tenant")
        status = "DISABLED" if tenant.name in self.stopped else "ENABLED"
        return TenantState(
            tenant.name,
            f"arn:{tenant.name}",
            f"tpma-{tenant.name}",
            status,
            frozenset({"configuration-set", SHARED}),
        )

    def ensure_identity(self, spec: DomainSpec) -> IdentityState:
        self._say("identity")
        self.domains[spec.domain] = spec.tenant.name if spec.tenant else ""
        return self._state(spec)

    def check_identity(self, spec: DomainSpec) -> IdentityState | None:
        self._say("check")
        return self._state(spec) if spec.domain in self.domains else None

    def set_tenant_sending(self, tenant: TenantState, enabled: bool) -> None:
        self._say("enable" if enabled else "disable")
        (self.stopped.discard if enabled else self.stopped.add)(tenant.name)

    def teardown(self, domain: str) -> None:
        self._say("teardown")
        self.domains.pop(domain, None)

    def _state(self, spec: DomainSpec) -> IdentityState:
        back = f"bounce.{spec.domain}"
        return IdentityState(
            spec.domain,
            reference=f"arn:identity/{spec.domain}",
            records=(
                Record("dkim", "CNAME", f"t1._domainkey.{spec.domain}", "t1.dkim.provider.example"),
                Record("return_path", "MX", back, "10 feedback.provider.example"),
                Record("spf", "TXT", back, "v=spf1 include:provider.example -all"),
            ),
            dkim_domain=spec.domain,
            dkim_bits=2048,
            dkim_verified=self.verified,
            mail_from=back,
            mail_from_verified=self.verified,
            associated=frozenset({"identity", "configuration-set"}),
        )


@dataclass
class Letter:
    key: str
    raw: bytes
    received: datetime


class FakeSeed:
    """A mailbox in memory."""

    address = "seed@provider.example"

    def __init__(self) -> None:
        self.waiting: list[Letter] = []
        self.aside: list[str] = []

    def arrives(self, raw: bytes, at: datetime) -> None:
        self.waiting.append(Letter(str(len(self.waiting)), raw, at))

    def letters(self, most: int) -> list[Letter]:
        return [one for one in self.waiting if one.key not in self.aside][:most]

    def put_aside(self, keys: Sequence[str]) -> None:
        self.aside += keys
