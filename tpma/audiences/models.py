"""People, and what they agreed to. A partner's contacts are the partner's alone."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tpma.core.db import Base, Row, enum_column


class ContactStatus(StrEnum):
    """Whether an address is suppressed is no state of a contact: it is asked of Suppression."""

    ACTIVE = "active"
    ERASED = "erased"


class Contact(Row):
    """A person a partner may know. `hmac` is the keyed hash of `email_norm` that suppressions
    and messages are joined by (SQL cannot compute it); None when the person was erased.

    An erased contact keeps its row, for the figures that count it, and nothing that names it.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email_norm"),
        Index("ix_contacts_tenant_country", "tenant_id", "country"),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    email: Mapped[str] = mapped_column(String(254))
    email_norm: Mapped[str] = mapped_column(String(254))
    given_name: Mapped[str] = mapped_column(String(100), default="")
    family_name: Mapped[str] = mapped_column(String(100), default="")
    title: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    company: Mapped[str] = mapped_column(String(200), default="")
    company_domain: Mapped[str] = mapped_column(String(200), default="")
    country: Mapped[str] = mapped_column(String(2), default="")  # ISO 3166-1, "" unknown
    locale: Mapped[str] = mapped_column(String(35), default="")  # BCP 47, "" unknown
    hmac: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    source: Mapped[str] = mapped_column(String(16))  # import form event api crm
    source_detail: Mapped[str] = mapped_column(String(200), default="")
    status: Mapped[ContactStatus] = mapped_column(
        enum_column(ContactStatus), default=ContactStatus.ACTIVE
    )


class ContactTag(Base):
    __tablename__ = "contact_tags"

    contact_id: Mapped[UUID] = mapped_column(
        ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)


class ConsentPurpose(StrEnum):
    PARTNER_MARKETING = "partner_marketing"
    VENDOR_MARKETING = "vendor_marketing"
    SHARE_WITH_VENDOR = "share_with_vendor"


class ConsentBasis(StrEnum):
    CONSENT = "consent"
    SOFT_OPT_IN = "soft_opt_in"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONTRACT = "contract"


class ConsentState(StrEnum):
    PENDING_DOI = "pending_doi"
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Consent(Base):
    """Append-only: the newest row of a contact and purpose is what holds.

    `evidence` says how we know: {import, source, purchased} or {page, form, shown_text_sha256,
    checkbox, ip_prefix, user_agent}; of a confirmed one {confirmed_from} too.
    """

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_contact", "contact_id", "purpose", "seq"),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contacts.id"))
    purpose: Mapped[ConsentPurpose] = mapped_column(enum_column(ConsentPurpose))
    basis: Mapped[ConsentBasis] = mapped_column(enum_column(ConsentBasis))
    state: Mapped[ConsentState] = mapped_column(enum_column(ConsentState))
    at: Mapped[datetime]
    text_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent_texts.id"))
    locale: Mapped[str] = mapped_column(String(35), default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # Double opt-in, the proof of one person: when we asked by mail, when they said yes to it.
    asked_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    obtained_on: Mapped[date | None]  # of an imported basis: the sign-up, or the last purchase


class ConsentText(Row):
    """A wording people agreed to, kept word for word."""

    __tablename__ = "consent_texts"
    __table_args__ = (UniqueConstraint("tenant_id", "sha256"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    purpose: Mapped[ConsentPurpose] = mapped_column(enum_column(ConsentPurpose))
    locale: Mapped[str] = mapped_column(String(35))
    version: Mapped[str] = mapped_column(String(80))  # <kit key> <semver> <consent version>
    text: Mapped[str]
    recipients_named: Mapped[list[str]]
    sha256: Mapped[str] = mapped_column(String(64))


class SuppressionScope(StrEnum):
    PLATFORM = "platform"
    VENDOR = "vendor"
    PARTNER = "partner"


class SuppressionReason(StrEnum):
    UNSUBSCRIBE = "unsubscribe"
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"  # full or away too often; ends by itself
    COMPLAINT = "complaint"
    MANUAL = "manual"
    ERASURE = "erasure"


class Suppression(Row):
    """An address nobody may write to in this scope; known by a keyed hash only.

    All scopes hash under one owner ("platform"), so that `contacts.hmac` joins them at once.
    `shown` keeps "a…@harborpoint.example" for the owner's list, never a whole address.
    """

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("tenant_id", "scope", "email_hmac"),)

    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))  # its owner
    scope: Mapped[SuppressionScope] = mapped_column(enum_column(SuppressionScope))
    email_hmac: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    shown: Mapped[str] = mapped_column(String(254), default="")
    reason: Mapped[SuppressionReason] = mapped_column(enum_column(SuppressionReason))
    source: Mapped[str] = mapped_column(String(200), default="")
    lifted_at: Mapped[datetime | None]
    # The list it came with, as long as nothing stronger is known: taken back with it.
    list_id: Mapped[UUID | None] = mapped_column(ForeignKey("suppression_lists.id"), index=True)


class SuppressedDomain(Row):
    """A mail domain nobody writes to in this scope.

    It names a company and no person, so it is kept in clear: SQL finds `mail.eu.example.com`
    under `example.com` by taking labels off, which no hash would let it.
    """

    __tablename__ = "suppressed_domains"
    __table_args__ = (UniqueConstraint("tenant_id", "scope", "domain"),)

    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))  # its owner
    scope: Mapped[SuppressionScope] = mapped_column(enum_column(SuppressionScope))
    domain: Mapped[str] = mapped_column(String(253), index=True)  # IDNA, lower case
    subdomains: Mapped[bool]  # also everything under it
    source: Mapped[str] = mapped_column(String(200), default="")
    lifted_at: Mapped[datetime | None]
    list_id: Mapped[UUID | None] = mapped_column(ForeignKey("suppression_lists.id"), index=True)


class ListState(StrEnum):
    READING = "reading"  # rows are read, some may still be on disk
    READY = "ready"  # read to its end; nothing is blocked yet
    APPLYING = "applying"
    DONE = "done"
    UNDONE = "undone"  # taken back: what it alone had blocked is free again
    FAILED = "failed"


class SuppressionList(Row):
    """Many addresses and domains that came in at once, and can be taken back at once."""

    __tablename__ = "suppression_lists"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    scope: Mapped[SuppressionScope] = mapped_column(enum_column(SuppressionScope))
    name: Mapped[str] = mapped_column(String(200))  # of the file, as its owner calls it
    file_path: Mapped[str] = mapped_column(String(300))  # in TPMA_HOME/imports, until it is read
    encoding: Mapped[str] = mapped_column(String(40))
    separator: Mapped[str] = mapped_column(String(1))
    column: Mapped[int]  # the one that is read
    skip_first: Mapped[bool]  # a heading
    subdomains: Mapped[bool]  # its domains mean what is under them too
    state: Mapped[ListState] = mapped_column(enum_column(ListState))
    rows_read: Mapped[int] = mapped_column(default=0)
    rows_bad: Mapped[int] = mapped_column(default=0)
    addresses: Mapped[int] = mapped_column(default=0)  # each once
    domains: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)  # of both, blocked before
    error: Mapped[str] = mapped_column(String(300), default="")
    finished_at: Mapped[datetime | None]


class SuppressionListRow(Base):
    """A row of such a list: an address by its keyed hash, a domain, or what is wrong with it.

    Good rows stay, so that taking back one list leaves what another one names too.
    """

    __tablename__ = "suppression_list_rows"
    __table_args__ = (
        Index("ix_suppression_list_rows_address", "email_hmac", "list_id"),
        Index("ix_suppression_list_rows_domain", "domain", "list_id"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    list_id: Mapped[UUID] = mapped_column(ForeignKey("suppression_lists.id"), index=True)
    line: Mapped[int]
    entry_id: Mapped[UUID]  # the key its suppression gets
    email_hmac: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    shown: Mapped[str] = mapped_column(String(254), default="")
    domain: Mapped[str | None] = mapped_column(String(253))
    subdomains: Mapped[bool] = mapped_column(default=False)
    fault: Mapped[str | None] = mapped_column(String(32))  # a code of `blocklists.WORDS`
    raw: Mapped[str] = mapped_column(String(300), default="")  # of a bad row only


class MailChoice(Row):
    """A reader of this partner wants no mails about one vendor's products, or wants them again.

    Known by the keyed hash of the address, as a suppression is, so that it outlives the contact.
    """

    __tablename__ = "mail_choices"
    __table_args__ = (UniqueConstraint("tenant_id", "vendor_id", "email_hmac"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    vendor_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    email_hmac: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    stopped_at: Mapped[datetime | None]  # None: they may be sent again


class Segment(Row):
    """A saved choice among a partner's contacts.

    `definition` is {"countries": [...], "locales": [...], "tags": [...]}; an empty list means
    any; the three are joined by and.
    """

    __tablename__ = "segments"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # partner
    name: Mapped[str] = mapped_column(String(80))
    definition: Mapped[dict[str, Any]]


class ImportState(StrEnum):
    UPLOADED = "uploaded"  # the file is here, the mapping is being confirmed
    STAGING = "staging"  # rows are read into the staging table
    MERGING = "merging"  # one statement makes them contacts
    DONE = "done"
    FAILED = "failed"


class ContactImport(Row):
    """One uploaded list on its way to being contacts."""

    __tablename__ = "contact_imports"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)  # partner
    file_name: Mapped[str] = mapped_column(String(200))
    file_path: Mapped[str] = mapped_column(String(300))  # in TPMA_HOME/imports
    kind: Mapped[str] = mapped_column(String(4))  # csv xlsx
    encoding: Mapped[str] = mapped_column(String(40), default="")
    separator: Mapped[str] = mapped_column(String(1), default="")
    columns: Mapped[list[str]]
    has_header: Mapped[bool] = mapped_column(default=True)
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)  # column number → field
    tags: Mapped[list[str]] = mapped_column(default=list)
    basis: Mapped[str] = mapped_column(String(32), default="")
    consent_source: Mapped[str] = mapped_column(String(200), default="")
    obtained_on: Mapped[date | None]  # the oldest sign-up or last purchase of the list
    purchased: Mapped[bool] = mapped_column(default=False)  # bought or rented addresses
    state: Mapped[ImportState] = mapped_column(enum_column(ImportState))
    rows_total: Mapped[int] = mapped_column(default=0)
    rows_read: Mapped[int] = mapped_column(default=0)
    rows_bad: Mapped[int] = mapped_column(default=0)
    rows_warned: Mapped[int] = mapped_column(default=0)  # taken in, with something to look at
    rows_repeated: Mapped[int] = mapped_column(default=0)  # same address twice in the file
    rows_suppressed: Mapped[int] = mapped_column(default=0)  # known, and not to be written to
    contacts_added: Mapped[int] = mapped_column(default=0)
    contacts_updated: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(String(300), default="")
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportRow(Base):
    """A staged row. One with a `fault` (left out) or a `warning` (taken in) outlives the merge,
    with its cells, for the error file; both are codes of `tpma.audiences.rows`.
    """

    __tablename__ = "import_rows"
    __table_args__ = (Index("ix_import_rows_address", "import_id", "email_norm"),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    import_id: Mapped[UUID] = mapped_column(ForeignKey("contact_imports.id"), index=True)
    line: Mapped[int]
    contact_id: Mapped[UUID | None]
    email: Mapped[str] = mapped_column(String(254), default="")
    email_norm: Mapped[str | None] = mapped_column(String(254))
    hmac: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    given_name: Mapped[str] = mapped_column(String(100), default="")
    family_name: Mapped[str] = mapped_column(String(100), default="")
    title: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    company: Mapped[str] = mapped_column(String(200), default="")
    company_domain: Mapped[str] = mapped_column(String(200), default="")
    country: Mapped[str] = mapped_column(String(2), default="")
    locale: Mapped[str] = mapped_column(String(35), default="")
    tags: Mapped[list[str]] = mapped_column(default=list)
    fault: Mapped[str | None] = mapped_column(String(32))
    warning: Mapped[str | None] = mapped_column(String(32))
    raw: Mapped[list[str] | None]
