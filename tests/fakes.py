"""In-memory ports that remember what they were asked."""

from collections.abc import Callable, Mapping
from threading import Lock

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
