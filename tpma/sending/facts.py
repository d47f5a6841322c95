"""What the gate looks at before a launch. Gathered by `tpma.sending.gathering`; no rule asks more.

A part that is None is one this transport does not need: its rules say "not needed here".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from tpma.branding.findings import Finding as BrandFinding


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail as it would leave, for the rules that look at bytes."""

    asset: str
    locale: str
    raw: bytes
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """The From domain as DNS, the provider and our probe know it (AUTH-01 to -05, HDR-03)."""

    domain: str  # of the From address
    owner: str  # "partner", "platform", "vendor_delegated", "vendor", "" for nobody we know
    verified: bool  # the owner proved it (ownership challenge)
    dkim_domain: str  # d= of the signature, "" without one
    dkim_verified: bool
    dkim_bits: int
    mail_from: str  # host of the envelope sender
    mail_from_verified: bool  # MX and SPF stand
    rejects_without_mx: bool  # BehaviorOnMxFailure=REJECT_MESSAGE
    dmarc: tuple[str, ...]  # TXT records at _dmarc of the domain or its organisational domain
    dmarc_none_since: date | None  # first seen with p=none
    signed_headers: frozenset[str]  # lower case, of h= as the probe mail arrived with it
    probed_at: datetime | None
    probe_aligned: bool
    provable: bool = True  # this installation can read a test mail back
    signed_elsewhere: bool = False  # by the relay: no key of it is known here
    suspended: bool = False  # by the operator
    doubted: bool = False  # providers refused its mails as forged; not looked at since


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Where the links of a mail lead (AUTH-06)."""

    hosts: tuple[str, ...]  # of every link, lower case
    ours: frozenset[str]  # of the platform and the partner
    insecure: tuple[str, ...]  # hosts without HTTPS, or with a certificate that is not valid
    missing: str = ""  # the partner's own host for links, while DNS does not lead it here


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """The mailbox answers go to (AUTH-07)."""

    has_mx: bool | None  # None: nobody has looked yet
    confirmed: bool  # somebody opened the link we sent there


@dataclass(frozen=True, slots=True)
class OneClickFacts:
    """What a synthetic unsubscribe did to a probe contact (HDR-02)."""

    status: int  # of the POST
    redirected: bool
    unsubscribed: bool  # the probe contact after the POST
    get_changed: bool  # the probe contact after a GET


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The sending account (QUOT-01)."""

    sandbox: bool
    sending_enabled: bool
    enforcement: str  # HEALTHY, PROBATION, SHUTDOWN
    tenant_status: str  # ENABLED, REINSTATED, DISABLED
    # of identity, configuration-set; None: sent by the platform's own, of no tenant
    associated: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """When the event feed last showed what the simulator sent (FEED-01)."""

    delivery_seen: datetime | None
    bounce_seen: datetime | None


@dataclass(frozen=True, slots=True)
class WarmupFacts:
    """What a young domain may still send (VOL-01)."""

    capacity: int  # mails before the launch ends
    finishes_on: date | None  # of this launch, by today's plan


@dataclass(frozen=True, slots=True)
class FrequencyFacts:
    """Mails of the last seven days, ours and those of this vendor's other partners (FREQ-01)."""

    over_vendor: int  # recipients at the vendor's limit
    over_partner: int
    vendor_limit: int
    partner_limit: int
    held_back: bool  # planning leaves them out


@dataclass(frozen=True, slots=True)
class AddressFacts:
    """The quality of the addresses that would be written to (LIST-01)."""

    never_mailed: int
    without_mx: int  # 0 where nobody asked DNS
    role: int
    disposable: int
    typos: int


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """Why the recipients may be written to (CONS-*). Every count but that of `problems` is of
    people who would get a mail.

    `problems` is rule id → country → people the law holds back; who is held back for another
    reason already is not in it.
    """

    problems: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_country: Mapping[str, int] = field(default_factory=dict)
    packs: Mapping[str, str] = field(default_factory=dict)  # country → version of its pack
    from_vendor: int = 0
    untouched_12: int = 0  # never mailed, and older than 12 months; of 24 they are left out
    judged: bool = True  # some country's law is in force


@dataclass(frozen=True, slots=True)
class BacklogFacts:
    """Unsubscribes that were told to us and not applied yet (SUPP-02)."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class FundFacts:
    """The plan and money behind a launch (MDF-01)."""

    approved: bool
    budget_code: str
    estimate_minor: int


@dataclass(frozen=True, slots=True)
class ProofFacts:
    """Whether the person who launches got exactly this content, and a second one agreed."""

    asked: bool
    refused: bool  # the transport would not take it
    arrived: bool
    needs_approval: bool
    approved: bool
    address: str  # where it goes


NO_PROOF = ProofFacts(
    asked=False,
    refused=False,
    arrived=False,
    needs_approval=False,
    approved=False,
    address="",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules look at."""

    today: date
    now: datetime
    code: str
    start_at: datetime | None
    ends_at: datetime
    kit_retires: date | None  # its last day, in the vendor's zone
    from_name: str
    reply_to: str
    partner_name: str
    goal_leads: int
    planned_cost_minor: int
    matching: int
    writable: int
    suppressed: int
    no_consent: int
    consent_by_basis: Mapping[str, int]
    locales: Mapping[str, str | None]  # asked for → served by
    readers_by_locale: Mapping[str, int]
    policy: str
    accepted_fallback: bool
    missing_consents: tuple[str, ...]  # locales whose form has no lawful consent text
    denied_countries: Mapping[str, int]
    brand: tuple[BrandFinding, ...]
    cobranded_state: str
    compile_faults: tuple[tuple[str, str], ...]  # (asset and locale, message)
    samples: tuple[Sample, ...]
    unresolved: int  # contacts whose mail could not be built in the dry run
    leaves_machine: bool
    links: Mapping[str, str] = field(default_factory=dict)
    vendor_zone: str = "UTC"  # IANA
    vendor_held: int = 0  # by the vendor's list, as a partner may know it
    not_opted_in: int = 0
    unlawful: int = 0  # agreed, and their country's law wants more
    opt_in_rule_of: tuple[str, ...] = ()  # names of who writes only to people who signed up
    form_codes: bool = True  # every form of the page carries the code in a hidden field
    legal_name: str = ""
    address_line: str = ""  # a part of the postal address as the footer prints it
    vendor_name: str = ""
    privacy_url: str = ""
    link_status: Mapping[str, int] = field(default_factory=dict)  # of links somebody asked
    consent: ConsentFacts = field(default_factory=ConsentFacts)
    listed_recipients: int = 0  # recipients who stand on a list all the same
    domain: DomainFacts | None = None
    hosts: HostFacts | None = None
    reply: ReplyFacts | None = None
    one_click: OneClickFacts | None = None
    account: AccountFacts | None = None
    feed: FeedFacts | None = None
    warmup: WarmupFacts | None = None
    frequency: FrequencyFacts | None = None
    addresses: AddressFacts | None = None
    backlog: BacklogFacts | None = None
    funds: FundFacts | None = None
    proof: ProofFacts = NO_PROOF
    own_mailer: bool = False  # the partner sends it, to readers we do not know
