"""Domains that partners send from, what was found of them, which launch goes out by which, and the
hosts its links run over."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Base, Row, enum_column


class DomainState(StrEnum):
    """tpma.sending.domains.rules has the transitions."""

    UNVERIFIED = "unverified"  # entered; the provider was not asked yet
    PENDING_DNS = "pending_dns"
    VERIFIED = "verified"  # every check passes; no test mail has proved it yet
    ACTIVE = "active"
    DEGRADED = "degraded"  # was right and is no longer: nothing new leaves by it
    SUSPENDED = "suspended"  # by the operator
    RETIRED = "retired"


HELD = (DomainState.VERIFIED, DomainState.ACTIVE, DomainState.DEGRADED, DomainState.SUSPENDED)
_HELD_SQL = text("state IN ('verified', 'active', 'degraded', 'suspended')")


class SendingDomain(Row):
    """A domain of a partner, or (of the operator's organisation) the platform's own.

    Many may ask for a domain; one holds it, and which that is the database decides.
    """

    __tablename__ = "sending_domains"
    __table_args__ = (
        Index(
            "uq_sending_domains_held",
            "domain",
            unique=True,
            sqlite_where=_HELD_SQL,
            postgresql_where=_HELD_SQL,
        ),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    domain: Mapped[str] = mapped_column(String(253))  # IDNA, lower case
    transport: Mapped[str] = mapped_column(String(16))  # the way out it was set up for
    state: Mapped[DomainState] = mapped_column(
        enum_column(DomainState), default=DomainState.UNVERIFIED
    )
    challenge: Mapped[str] = mapped_column(String(64))  # what _tpma-verify has to say
    records: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)  # `Record`s
    checks: Mapped[dict[str, Any]] = mapped_column(default=dict)  # purpose → what was found
    reference: Mapped[str] = mapped_column(String(300), default="")  # the provider's name for it
    dkim_domain: Mapped[str] = mapped_column(String(253), default="")
    dkim_bits: Mapped[int] = mapped_column(default=0)
    mail_from: Mapped[str] = mapped_column(String(253), default="")
    rejects_without_mx: Mapped[bool] = mapped_column(default=False)
    dmarc: Mapped[list[str]] = mapped_column(default=list)  # TXT records as last seen
    dmarc_none_since: Mapped[date | None]
    problem: Mapped[str] = mapped_column(String(200), default="")  # of the provider, when asked
    asked_at: Mapped[datetime | None]  # when the waiting for DNS began
    checked_at: Mapped[datetime | None]
    check_at: Mapped[datetime | None] = mapped_column(index=True)  # None: only when asked
    failures: Mapped[int] = mapped_column(SmallInteger, default=0)  # in a row
    ended_at: Mapped[datetime | None]  # removed
    # The test mail that proves what receivers see (HDR-03).
    probe_id: Mapped[UUID | None] = mapped_column(index=True)
    probe_sent_at: Mapped[datetime | None]
    probed_at: Mapped[datetime | None]
    probe_aligned: Mapped[bool] = mapped_column(default=False)
    signed_headers: Mapped[list[str]] = mapped_column(default=list)  # lower case, of h=


class LinkHost(Row):
    """A host of a partner's own that links of its launches may run over, below a sending domain.

    A host that stood once is its partner's for ever, also when it was given up: links in mails
    that have left lead there.
    """

    __tablename__ = "link_hosts"
    __table_args__ = (
        Index(
            "uq_link_hosts_of_domain",
            "domain_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    domain_id: Mapped[UUID] = mapped_column(ForeignKey("sending_domains.id"), index=True)
    host: Mapped[str] = mapped_column(String(253), unique=True)  # ASCII, lower case
    finding: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as last seen in DNS
    asked_at: Mapped[datetime]  # when the waiting for its record began
    checked_at: Mapped[datetime | None]
    stands_since: Mapped[datetime | None]  # None: new launches do without it
    stood_first_at: Mapped[datetime | None]  # answered from then on
    lost_at: Mapped[datetime | None]  # its record was there and is no longer
    ended_at: Mapped[datetime | None]  # given up: no new launch takes it


class SendingTenant(Base):
    """A partner as the provider keeps it apart: its mail may be stopped alone."""

    __tablename__ = "sending_tenants"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    transport: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    reference: Mapped[str] = mapped_column(String(300))
    configuration_set: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))  # ENABLED, REINSTATED, DISABLED
    associated: Mapped[list[str]]
    read_at: Mapped[datetime]


class LaunchSender(Base):
    """What a launch was checked and scheduled to come from; without a domain, the shared one."""

    __tablename__ = "launch_senders"

    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), primary_key=True)
    domain_id: Mapped[UUID | None] = mapped_column(ForeignKey("sending_domains.id"), index=True)


class ReplyHost(Base):
    """A domain answers go to, and whether anybody takes mail for it (AUTH-07)."""

    __tablename__ = "reply_hosts"

    domain: Mapped[str] = mapped_column(String(253), primary_key=True)
    has_mx: Mapped[bool]
    read_at: Mapped[datetime]
