"""Everything one simulator is: its clock, what its account holds, its journal and its feed."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tpma.simulator import state as states
from tpma.simulator.agenda import Agenda
from tpma.simulator.chance import identifier
from tpma.simulator.clock import Clock
from tpma.simulator.events import Accepted, Feed
from tpma.simulator.fates import SIMULATOR_DOMAIN, Happening, suppresses
from tpma.simulator.faults import Faults
from tpma.simulator.journal import Journal
from tpma.simulator.keys import keys
from tpma.simulator.knobs import Knobs
from tpma.simulator.limits import Day, Gcra
from tpma.simulator.sns import Sns
from tpma.simulator.sqs import Sqs
from tpma.simulator.state import Identity


@dataclass(frozen=True)
class Options:
    home: Path
    region: str = "eu-west-1"
    account_id: str = "123456789012"
    sink: bool = False  # no fsync: to measure the sender, not the disk
    keep_raw: bool = False
    may_call: frozenset[str] = field(default_factory=frozenset)


class World:
    def __init__(self, options: Options, clock: Clock) -> None:
        options.home.mkdir(parents=True, exist_ok=True)
        self.options, self.clock = options, clock
        self.region, self.account_id = options.region, options.account_id
        self.journal = Journal(options.home, durable=not options.sink, keep_raw=options.keep_raw)
        self.day, self.rate, self.management = Day(), Gcra(), Gcra()
        self.day.recall(self.journal.open(), clock.now())
        self.state = states.load(options.home)
        self.changed = False
        self.knobs = Knobs()
        self.faults = Faults(self.knobs.seed, {})
        self.agenda = Agenda(clock)
        self.counters: Counter[str] = Counter()
        self.attempts: set[str] = set()
        self._ids = 0
        self._born = clock.now()
        self._feed()

    def _feed(self) -> None:
        keyring = keys(self.options.home, self.region, self.clock.wall())
        self.keys = keyring
        self.sqs = Sqs(self.clock, self.state.queues, self.region, self.account_id)
        self.sns = Sns(
            self.clock,
            self.agenda,
            keyring,
            self.sqs,
            self.state.topics,
            self.knobs.sns,
            f"arn:aws:sns:{self.region}:{self.account_id}:",
            self.options.may_call,
        )
        self.feed = Feed(self.clock, self.agenda, self.sns, self.state, self.knobs)
        self.feed.noticed = self._suppress

    def arn(self, resource: str) -> str:
        return f"arn:aws:ses:{self.region}:{self.account_id}:{resource}"

    def new_id(self, what: str) -> str:
        """Another one each time, also after a restart with the same seed."""
        self._ids += 1
        return identifier(self.knobs.seed, what, self.journal.lines, self._born, self._ids)

    def message_id(self) -> str:
        """Shaped like SES's: a prefix, milliseconds in hex, a UUID, a counter."""
        moment = f"{int(self.clock.now() * 1000):012x}"
        return f"0102{moment}-{self.new_id('message')}-000000"

    def save(self) -> None:
        states.save(self.state, self.options.home)
        self.changed = False

    def save_if_changed(self) -> None:
        if self.changed:
            self.save()

    def refresh(self, identity: Identity) -> Identity:
        """What SES's regular look at the DNS has found by now."""
        now, delay = self.clock.now(), self.state.account.verification_delay
        dns = identity.dns
        if dns.answer == "published" and now >= dns.since + delay:
            identity.status, identity.success_at = "SUCCESS", identity.success_at or now
            identity.failing_since = None
        elif dns.answer not in ("published", "unchecked"):
            _fail(identity, now)
        if dns.answer != "unchecked":
            identity.checked_at = now
        self._refresh_mail_from(identity, now, delay)
        return identity

    def _refresh_mail_from(self, identity: Identity, now: float, delay: float) -> None:
        dns = identity.mail_from_dns
        if dns.answer == "published" and now >= dns.since + delay:
            identity.mail_from_status = "SUCCESS"
        elif dns.answer not in ("published", "unchecked"):
            late = now - dns.since > states.DAYS_TO_VERIFY
            gone = identity.mail_from_status in ("SUCCESS", "TEMPORARY_FAILURE")
            waiting = "TEMPORARY_FAILURE" if gone else "PENDING"
            identity.mail_from_status = "FAILED" if late else waiting

    def _suppress(self, mail: Accepted, recipient: str, happening: Happening) -> None:
        """SES puts hard bounces and complaints on a suppression list by itself."""
        reason = suppresses(happening)
        if not reason or recipient.lower().endswith(f"@{SIMULATOR_DOMAIN}"):
            return
        owner, reasons = self.suppression(mail.configuration_set, mail.tenant)
        if reason in reasons:
            listed = self.state.suppressed.setdefault(owner, {})
            listed.setdefault(recipient, [reason, self.clock.now(), mail.message_id])
            self.changed = True

    def suppression(self, configuration_set: str, tenant: str) -> tuple[str, list[str]]:
        """Whose list counts ("" is the account's) and for which reasons.

        The configuration set overrides the tenant, the tenant the account.
        """
        scope, reasons = "ACCOUNT", self.state.account.suppressed_reasons
        whose = self.state.tenants.get(tenant)
        if whose:
            scope = whose.suppression_scope
            reasons = reasons if whose.suppressed_reasons is None else whose.suppressed_reasons
        chosen = self.state.configuration_sets.get(configuration_set)
        options = chosen.options.get("SuppressionOptions", {}) if chosen else {}
        scope = options.get("SuppressionScope", scope)
        reasons = options.get("SuppressedReasons", reasons)
        return (tenant if scope == "TENANT" and whose else ""), reasons

    def close(self) -> None:
        self.sns.close()
        self.save_if_changed()
        self.journal.close()


def _fail(identity: Identity, now: float) -> None:
    """A fresh identity waits 72 hours; one that was verified is warned first."""
    if identity.status in ("SUCCESS", "TEMPORARY_FAILURE"):
        identity.failing_since = identity.failing_since or now
        late = now - identity.failing_since > states.DAYS_TO_VERIFY
        identity.status = "FAILED" if late else "TEMPORARY_FAILURE"
    elif now - identity.created_at > states.DAYS_TO_VERIFY:
        identity.status = "FAILED"
