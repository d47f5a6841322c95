"""A partner's run of one kit version under one campaign code, frozen when it is scheduled."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tpma.branding.models import CoBrandedKit
from tpma.core.db import Base, Row, enum_column
from tpma.core.money import Money
from tpma.kits.models import KitVersion
from tpma.partners.models import Enrolment


class LaunchState(StrEnum):
    DRAFT = "draft"
    READY = "ready"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COLLECTING = "collecting"
    ENDED = "ended"
    CANCELLED = "cancelled"
    ABORTED = "aborted"
    ARCHIVED = "archived"


class Launch(Row):
    """`campaign_code` tags every link, form, lead, deal and cost that the launch gives rise to:
    minted once by the platform, never changed, never used again."""

    __tablename__ = "launches"
    __table_args__ = (
        CheckConstraint("planned_cost_minor >= 0", name="planned_cost_not_negative"),
        CheckConstraint("goal_pipeline_minor >= 0", name="goal_pipeline_not_negative"),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # partner
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"))
    kit_version_id: Mapped[UUID] = mapped_column(ForeignKey("kit_versions.id"))
    cobranded_kit_id: Mapped[UUID] = mapped_column(ForeignKey("cobranded_kits.id"))
    campaign_code: Mapped[str] = mapped_column(String(19), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    state: Mapped[LaunchState] = mapped_column(enum_column(LaunchState), default=LaunchState.DRAFT)
    # The draft, as the wizard's five screens fill it in.
    step: Mapped[int] = mapped_column(default=1)  # furthest screen reached
    segment_id: Mapped[UUID | None] = mapped_column(ForeignKey("segments.id"))  # None: everybody
    primary_locale: Mapped[str] = mapped_column(String(35))
    goal_leads: Mapped[int] = mapped_column(default=0)
    goal_pipeline_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    planned_cost_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(String(3))
    from_name: Mapped[str] = mapped_column(String(120), default="")
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    start_at: Mapped[datetime | None]  # None: as soon as it is launched
    timezone: Mapped[str] = mapped_column(String(64))
    # Hours and ISO weekdays in which mails may leave: on the readers' clocks, or on `timezone`'s.
    reader_time: Mapped[bool] = mapped_column(default=False, server_default=false())
    hours_from: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    hours_until: Mapped[int] = mapped_column(SmallInteger, default=24, server_default="24")
    weekdays: Mapped[str] = mapped_column(String(7), default="1234567", server_default="1234567")
    spread_hours: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    # The start as it was chosen, where `start_at` is that of the readers furthest east.
    chosen_start: Mapped[datetime | None]
    ends_at: Mapped[datetime]
    accepted_fallback: Mapped[bool] = mapped_column(default=False)
    # Where the partner's readers live as it is planned (ISO 3166-1, between blanks): the
    # strictest law of these is that of readers whose country nobody knows.
    markets: Mapped[str] = mapped_column(Text, default="", server_default="")
    # What happened.
    preflight: Mapped[dict[str, Any]] = mapped_column(default=dict)
    gate_hash: Mapped[str] = mapped_column(String(64), default="")
    frozen_manifest: Mapped[dict[str, Any]] = mapped_column(default=dict)
    steps: Mapped[int] = mapped_column(default=0)  # planned mails, fixed when scheduled
    triggered: Mapped[int] = mapped_column(default=0)  # mails a reader's own deed sends
    steps_queued: Mapped[int] = mapped_column(default=0)
    scheduled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    resumed_at: Mapped[datetime | None]
    paused_cause: Mapped[str] = mapped_column(String(32), default="")
    stopping_at: Mapped[datetime | None]
    # Since when nothing of it waits any more that its end found waiting (T18, T19).
    expired_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    page_slug: Mapped[str] = mapped_column(String(80), unique=True)  # of its public pages
    # The partner's own host that its links run over, frozen with them; "": the platform's.
    link_host: Mapped[str] = mapped_column(String(253), default="", server_default="")
    # The partner sends it with its own mailer: we know neither its readers nor how many.
    own_mailer: Mapped[bool] = mapped_column(default=False)
    own_sent: Mapped[int | None]  # as the partner says
    link_no: Mapped[int | None] = mapped_column(BigInteger, unique=True)  # in its links
    # Two subjects of the first mail: per cent of the readers the sample takes (half of it each),
    # hours its clicks are waited for, the languages that have two, and what came of it.
    trial_share: Mapped[int] = mapped_column(SmallInteger, default=20, server_default="20")
    trial_hours: Mapped[int] = mapped_column(SmallInteger, default=4, server_default="4")
    subject_test: Mapped[dict[str, Any]] = mapped_column(default=dict)

    enrolment: Mapped[Enrolment] = relationship()
    kit_version: Mapped[KitVersion] = relationship()
    cobranded_kit: Mapped[CoBrandedKit] = relationship()

    @property
    def goal_pipeline(self) -> Money:
        return Money(self.goal_pipeline_minor, self.currency)

    @property
    def planned_cost(self) -> Money:
        return Money(self.planned_cost_minor, self.currency)


class LaunchAsset(Base):
    """A kit's asset compiled for one launch and locale: what is sent and shown from then on.

    `compiled` is the frozen artefact of `tpma.rendering` (a mail skeleton or a page), and
    `sha256` that of `compiled`; `served_locale` is the one the fallback chain found.
    """

    __tablename__ = "launch_assets"
    __table_args__ = (UniqueConstraint("launch_id", "asset", "locale"),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), index=True)
    asset: Mapped[str] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(35))
    served_locale: Mapped[str] = mapped_column(String(35))
    compiled: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))


class Link(Base):
    """Where a tracked link of a launch leads. A click can reach these targets and no others."""

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("launch_id", "number"), UniqueConstraint("launch_id", "key"))

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"))
    number: Mapped[int]  # 0 to 63, the link character
    key: Mapped[str] = mapped_column(String(80))  # <asset>.<link key>
    target: Mapped[str] = mapped_column(String(500))  # "page", or an address


class CostFunder(StrEnum):
    PARTNER = "partner"
    MDF = "mdf"
    VENDOR = "vendor"


class CostEntry(Row):
    """Money spent on a launch. Spend of a launch is the sum over all funders."""

    __tablename__ = "cost_entries"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    launch_id: Mapped[UUID] = mapped_column(ForeignKey("launches.id"), index=True)
    category: Mapped[str] = mapped_column(String(20))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    incurred_on: Mapped[date]
    funded_by: Mapped[CostFunder] = mapped_column(enum_column(CostFunder))
    note: Mapped[str] = mapped_column(String(200), default="")
    invoice_no: Mapped[str] = mapped_column(String(60), default="")
