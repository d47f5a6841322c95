"""Who is here: organisations, people, what they may do, and what they did."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tpma.core.db import Base, Row, enum_column


class OrganisationKind(StrEnum):
    VENDOR = "vendor"
    PARTNER = "partner"
    OPERATOR = "operator"


class OrganisationStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Organisation(Row):
    """A company that uses the platform; `tenant_id` elsewhere names one of these.

    `legal` holds what the law of its country asks a sender to print, by the field keys of
    `tpma.rendering.footer` (legal_form, representatives, register_court, register_no, vat_id…).
    """

    __tablename__ = "organisations"

    kind: Mapped[OrganisationKind] = mapped_column(enum_column(OrganisationKind))
    status: Mapped[OrganisationStatus] = mapped_column(
        enum_column(OrganisationStatus), default=OrganisationStatus.ACTIVE
    )
    legal_name: Mapped[str] = mapped_column(String(200))
    trading_name: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    country: Mapped[str] = mapped_column(String(2))  # ISO 3166-1
    address_line1: Mapped[str] = mapped_column(String(200), default="")
    address_line2: Mapped[str] = mapped_column(String(200), default="")
    city: Mapped[str] = mapped_column(String(100), default="")
    region: Mapped[str] = mapped_column(String(100), default="")
    postal_code: Mapped[str] = mapped_column(String(20), default="")
    website: Mapped[str] = mapped_column(String(300), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")  # E.164
    legal: Mapped[dict[str, Any]] = mapped_column(default=dict)
    default_locale: Mapped[str] = mapped_column(String(35))  # BCP 47
    timezone: Mapped[str] = mapped_column(String(64))  # IANA
    base_currency: Mapped[str] = mapped_column(String(3))  # ISO 4217
    # Mails go only to people who signed up: a partner's rule for its own mail, a vendor's for
    # every launch of its kits.
    opt_in_only: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Whether its mails may tell who opened and clicked; both companies of a launch have to agree.
    tracks_readers: Mapped[bool] = mapped_column(default=True, server_default=true())


class UserStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class User(Row):
    """A person who signs in. `session_epoch` grows with every change of credentials, and a
    session made under an older one is no longer valid."""

    __tablename__ = "users"

    email: Mapped[str] = mapped_column(String(254))
    email_norm: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    locale: Mapped[str] = mapped_column(String(35))
    timezone: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    status: Mapped[UserStatus] = mapped_column(enum_column(UserStatus), default=UserStatus.INVITED)
    last_sign_in_at: Mapped[datetime | None]
    session_epoch: Mapped[int] = mapped_column(default=1)
    theme: Mapped[str] = mapped_column(String(8), default="light")


class Sight(StrEnum):
    """Whose things a member of a vendor sees."""

    ALL = "all"  # every partner's
    OWN = "own"  # those of the partners they look after


class Membership(Row):
    """A person's place in one organisation, with roles (keys of `rules.ROLES`)."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("user_id", "organisation_id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    roles: Mapped[list[str]]
    sight: Mapped[Sight] = mapped_column(
        enum_column(Sight), default=Sight.ALL, server_default=Sight.ALL.value
    )
    pending: Mapped[bool] = mapped_column(default=False)  # invited, not accepted yet
    ended_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
    organisation: Mapped[Organisation] = relationship()


class SignInAttempts(Row):
    """Failed sign-ins with one address, counted whether or not anybody has it, so that the
    count shown tells nothing about who has an account. Only the hash of the address is kept."""

    __tablename__ = "sign_in_attempts"

    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)  # SHA-256
    failures: Mapped[int] = mapped_column(default=0)
    paused_until: Mapped[datetime | None]


class TokenKind(StrEnum):
    INVITATION = "invitation"
    RECOVERY = "recovery"


class AccountToken(Row):
    """A link mailed to a person, usable once; only the hash of its secret is kept."""

    __tablename__ = "account_tokens"

    kind: Mapped[TokenKind] = mapped_column(enum_column(TokenKind))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    membership_id: Mapped[UUID | None] = mapped_column(ForeignKey("memberships.id"))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class AuditLog(Base):
    """One row for each change of state. `detail` holds ids, codes and states, never names."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_tenant", "tenant_id", "seq"),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    at: Mapped[datetime]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))  # None: the platform
    action: Mapped[str] = mapped_column(String(64))  # "<entity>.<event>"
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    request_id: Mapped[str] = mapped_column(String(36), default="")
