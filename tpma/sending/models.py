"""Messages, out and back. Integer keys: these tables grow with every recipient."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Base, Row, enum_column

BigKey = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER keys up


class SendState(StrEnum):
    """What we did with a message; forward only (tpma.sending.rules has the transitions)."""

    PLANNED = "planned"
    QUEUED = "queued"
    SUBMITTING = "submitting"
    ACCEPTED = "accepted"
    SKIPPED = "skipped"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    UNCONFIRMED = "unconfirmed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DEAD = "dead"


OPEN_STATES = (SendState.PLANNED, SendState.QUEUED, SendState.SUBMITTING, SendState.IN_DOUBT)


class SendLane(Base):
    """Whose turn it is: one lane a tenant. The ready lane with the lowest virtual time is served,
    and what it sent, divided by its weight, moves that time on (start-time fair queuing)."""

    __tablename__ = "send_lanes"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), unique=True)
    vtime: Mapped[float] = mapped_column(default=0.0)  # where its next turn starts
    started: Mapped[float] = mapped_column(default=0.0)  # where its last one did
    weight: Mapped[int] = mapped_column(SmallInteger, default=1)
    served_at: Mapped[datetime | None]
    held_until: Mapped[datetime | None]  # the provider refuses this tenant for now
    cause: Mapped[str] = mapped_column(String(64), default="")  # the provider's code


class LaunchPace(Base):
    """How a launch is let out: when it was last served, and its first hundred (RT-05)."""

    __tablename__ = "launch_paces"

    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), primary_key=True)
    served_at: Mapped[datetime | None]
    # The organisational domain it was last sent from; "" where nothing leaves this machine.
    domain: Mapped[str] = mapped_column(String(253), default="", server_default="", index=True)
    released: Mapped[int] = mapped_column(default=0)  # mails handed to workers
    canary: Mapped[int] = mapped_column(default=0)  # mails that go first; 0: all at once
    held_until: Mapped[datetime | None]


class SendRate(Base):
    """A rate shared by all workers. `scope`: account:<transport>, launch:<id>,
    mailbox:<domain>:<provider>."""

    __tablename__ = "send_rates"

    scope: Mapped[str] = mapped_column(String(300), primary_key=True)
    per_second: Mapped[float | None]  # None: no limit is known
    ceiling: Mapped[float | None]
    promised: Mapped[datetime | None]  # when all that was promised will have left
    lowered_at: Mapped[datetime | None]
    raised_at: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    cause: Mapped[str] = mapped_column(String(64), default="")
    throttled: Mapped[int] = mapped_column(default=0)  # times the provider said "not now"
    until: Mapped[datetime | None]  # a brake that ends by itself
    a_day: Mapped[int | None]  # mails in 24 hours, where the operator set a limit


class QuotaCounter(Base):
    """Mails taken for sending, by scope and hour since 1970."""

    __tablename__ = "quota_counters"

    scope: Mapped[str] = mapped_column(String(300), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True)
    taken: Mapped[int] = mapped_column(default=0)


class Warmup(Base):
    """What a young domain may send on a day (UTC). Rules: `tpma.sending.warming`.

    `domain` is the organisational one, by the Public Suffix List: Gmail counts all sub-domains
    to it. A row is made at the first mail; one without `day` has sent nothing yet.
    """

    __tablename__ = "warmups"

    domain: Mapped[str] = mapped_column(String(253), primary_key=True)
    step: Mapped[int] = mapped_column(SmallInteger, default=0)  # of the ladder
    day: Mapped[date | None]  # the last active one
    taken: Mapped[int] = mapped_column(default=0)  # mails taken for sending on it
    verdict: Mapped[str] = mapped_column(String(16), default="")  # on the active day before it
    stopped: Mapped[str] = mapped_column(String(16), default="")  # cause; "" while it goes on
    own_cap: Mapped[int | None]  # the operator's, instead of the ladder's
    warmed_at: Mapped[datetime | None]  # the operator declared it warmed: no limit


class ProviderAccount(Base):
    """What the provider last said of the account we send by."""

    __tablename__ = "provider_accounts"

    transport: Mapped[str] = mapped_column(String(16), primary_key=True)
    read_at: Mapped[datetime]
    max_per_second: Mapped[float]
    max_24h: Mapped[float]  # -1: no limit
    sent_24h: Mapped[float]
    sending_enabled: Mapped[bool]
    sandbox: Mapped[bool]
    enforcement: Mapped[str] = mapped_column(String(32))


class SendChunk(Base):
    """At most 500 messages of one launch, step, mailbox provider and time zone, leased to one
    worker for a batch at a time."""

    __tablename__ = "send_chunks"
    __table_args__ = (
        UniqueConstraint("launch_id", "step", "number"),
        Index(
            "ix_send_chunks_open",
            "lane_id",
            "not_before",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    lane_id: Mapped[int] = mapped_column(ForeignKey("send_lanes.id"))
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"))
    step: Mapped[int] = mapped_column(SmallInteger)
    number: Mapped[int]
    lease_owner: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    # A worker has had it. Only in such a chunk is a mail under way, in doubt or put off.
    begun: Mapped[bool] = mapped_column(default=False, server_default=false())
    mailbox: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    # IANA zone whose clock opens and closes the launch's hours for these readers; "": always open.
    zone: Mapped[str] = mapped_column(String(64), default="", server_default="")


class Message(Base):
    """One mail to one person: a row for each launch, step and recipient.

    `rcpt_key` is 16 bytes of a keyed hash of the normalised address, so that the ledger holds
    no address and cannot hold one recipient twice. `claimed` is not a state of the row: it
    means queued in a chunk under a live lease.

    No index mentions what changes with each mail (`send_state`, `attempt_n`, the provider's
    answer), so that PostgreSQL writes such a change into the page of the row and no index. What
    is open is found through the chunks that are not finished (`tpma.sending.open_work`). Nor has
    a row foreign keys to what is never deleted: a reader becomes a tombstone, and a launch with
    its partner stays; `tpma doctor delivery` asks for rows that name nobody.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("launch_id", "step", "rcpt_key"),
        Index(
            "ix_messages_chunk",
            "chunk_id",
            sqlite_where=text("chunk_id IS NOT NULL"),
            postgresql_where=text("chunk_id IS NOT NULL"),
        ),
        Index(
            "ix_messages_clicked",
            "launch_id",
            "rcpt_key",
            sqlite_where=text("clicked_at IS NOT NULL"),
            postgresql_where=text("clicked_at IS NOT NULL"),
        ),
        Index(
            "ix_messages_due",
            "launch_id",
            "not_before",
            sqlite_where=text("not_before IS NOT NULL AND chunk_id IS NULL"),
            postgresql_where=text("not_before IS NOT NULL AND chunk_id IS NULL"),
        ),
        # A wave changes all rows of a page at once: each needs room for its next version there.
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID]  # partner; the launch's
    launch_id: Mapped[UUID]
    step: Mapped[int] = mapped_column(SmallInteger)
    seq: Mapped[int]
    contact_id: Mapped[UUID | None] = mapped_column(index=True)
    rcpt_key: Mapped[bytes] = mapped_column(LargeBinary(16))
    locale: Mapped[str] = mapped_column(String(35))
    send_state: Mapped[SendState] = mapped_column(enum_column(SendState))
    reason: Mapped[str] = mapped_column(String(40), default="")  # of skipped, failed, dead
    generation: Mapped[int] = mapped_column(SmallInteger, default=1)
    attempt_n: Mapped[int] = mapped_column(SmallInteger, default=0)
    not_before: Mapped[datetime | None]
    chunk_id: Mapped[int | None] = mapped_column(ForeignKey("send_chunks.id"))
    provider_id: Mapped[str | None] = mapped_column(String(120))
    accepted_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]  # first human click, written by tracking
    # What its reader did, one bit a kind (tpma.tracking.counting.BITS); written by tracking.
    seen: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    # Of two subjects: a, b (the sample), w (the rest, with the winner b); "" all others.
    variant: Mapped[str] = mapped_column(String(1), default="", server_default="")


class Attempt(Base):
    """The intent to submit one message once; committed before any byte leaves."""

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("message_id", "n"),
        # For events that come without our tag.
        Index(
            "ix_attempts_provider_id",
            "provider_id",
            sqlite_where=text("provider_id IS NOT NULL"),
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)  # tag tpma-attempt
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    n: Mapped[int] = mapped_column(SmallInteger)
    transport: Mapped[str] = mapped_column(String(16))
    raw_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    started_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    outcome: Mapped[str | None] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(64), default="")
    provider_id: Mapped[str | None] = mapped_column(String(120))


class FactKind(StrEnum):
    """What happened to a message after we handed it over; facts only add up."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED_HARD = "bounced_hard"
    BOUNCED_SOFT = "bounced_soft"
    COMPLAINED = "complained"
    REJECTED = "rejected"
    UNSUBSCRIBED = "unsubscribed"


class DeliveryFact(Base):
    __tablename__ = "delivery_facts"
    __table_args__ = (UniqueConstraint("message_id", "kind", "dedupe"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    kind: Mapped[FactKind] = mapped_column(enum_column(FactKind))
    at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(String(200), default="")
    subtype: Mapped[str] = mapped_column(String(40), default="", server_default="")  # of a bounce
    dedupe: Mapped[str] = mapped_column(String(64), default="")


class EventInbox(Base):
    """Every event a provider (or the mailbox's hand) told us, once."""

    __tablename__ = "event_inbox"

    dedupe_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16))  # applied ignored foreign orphan lost


class NoticeState(StrEnum):
    QUEUED = "queued"
    SUBMITTING = "submitting"
    IN_DOUBT = "in_doubt"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Notice(Row):
    """A mail without a launch: invitation, recovery, lead alarm. Sent at least once, and never
    more than twice: the second time only after half an hour in doubt.

    `body` is the rendered text; the HTML part is made from it. `cause` names what it is about,
    and one cause has one notice.
    """

    __tablename__ = "notices"

    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    cause: Mapped[str] = mapped_column(String(120), unique=True)
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(200))
    body: Mapped[str]
    locale: Mapped[str] = mapped_column(String(35))
    state: Mapped[NoticeState] = mapped_column(enum_column(NoticeState), default=NoticeState.QUEUED)
    provider_id: Mapped[str | None] = mapped_column(String(120))
    generation: Mapped[int] = mapped_column(SmallInteger, default=1)
    started_at: Mapped[datetime | None]  # of the submission under way or in doubt


class OutboxMail(Base):
    """The mailbox's index of what the local outbox keeps as files."""

    __tablename__ = "outbox_mails"
    __table_args__ = (Index("ix_outbox_mails_tenant", "tenant_id", "id"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), unique=True)
    notice_id: Mapped[UUID | None] = mapped_column(ForeignKey("notices.id"), unique=True)
    launch_id: Mapped[UUID | None] = mapped_column(ForeignKey("launches.id"), index=True)
    campaign_code: Mapped[str] = mapped_column(String(19), default="")
    recipient: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime]
    provider_id: Mapped[str] = mapped_column(String(120))


class GateReport(Row):
    """What the gate said when a launch was launched; kept when a later one supersedes it.

    `sha256` is that of the report's canonical JSON, so that a changed row shows.
    """

    __tablename__ = "gate_reports"
    __table_args__ = (Index("ix_gate_reports_launch", "launch_id", "created_at"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"))
    gate_hash: Mapped[str] = mapped_column(String(64))
    report: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # who launched
    superseded_at: Mapped[datetime | None]
    superseded_by: Mapped[list[str]] = mapped_column(default=list)  # parts that changed


class MarkKind(StrEnum):
    ACKNOWLEDGED = "acknowledged"  # a warning, read and taken on
    PROOF = "proof"  # a proof mail of exactly this content went to this person
    APPROVED = "approved"  # a second person looked


class GateMark(Row):
    """What one person did before a launch, for exactly one gate hash."""

    __tablename__ = "gate_marks"
    __table_args__ = (UniqueConstraint("launch_id", "gate_hash", "kind", "rule", "user_id"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"))
    gate_hash: Mapped[str] = mapped_column(String(64))
    kind: Mapped[MarkKind] = mapped_column(enum_column(MarkKind))
    rule: Mapped[str] = mapped_column(String(40), default="")  # of an acknowledgement
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    times: Mapped[int] = mapped_column(SmallInteger, default=1)  # a proof: how often asked for


class GateSetting(Row):
    """What a partner asks of its own launches beyond the rules."""

    __tablename__ = "gate_settings"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    four_eyes: Mapped[bool] = mapped_column(default=False)
