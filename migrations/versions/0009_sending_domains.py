"""Sending domains of partners, their tenants at the provider, and which launch leaves by which.

Adds four tables; the release before does not look at them and goes on sending from the shared
domain. A launch scheduled by it has no row in launch_senders, which means just that domain.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_HELD = sa.text("state IN ('verified', 'active', 'degraded', 'suspended')")


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _text(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def upgrade() -> None:
    op.create_table(
        "sending_domains",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        _text("domain", 253),
        _text("transport", 16),
        _text("state", 32),
        _text("challenge", 64),
        sa.Column("records", sa.JSON(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        _text("reference", 300),
        _text("dkim_domain", 253),
        sa.Column("dkim_bits", sa.Integer(), nullable=False),
        _text("mail_from", 253),
        sa.Column("rejects_without_mx", sa.Boolean(), nullable=False),
        sa.Column("dmarc", sa.JSON(), nullable=False),
        sa.Column("dmarc_none_since", sa.Date(), nullable=True),
        _text("problem", 200),
        _moment("asked_at"),
        _moment("checked_at"),
        _moment("check_at"),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        _moment("ended_at"),
        sa.Column("probe_id", sa.Uuid(), nullable=True),
        _moment("probe_sent_at"),
        _moment("probed_at"),
        sa.Column("probe_aligned", sa.Boolean(), nullable=False),
        sa.Column("signed_headers", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        _key("sending_domains", "tenant_id", "organisations"),
        sa.PrimaryKeyConstraint("id", name="pk_sending_domains"),
    )
    for column in ("tenant_id", "check_at", "probe_id"):
        op.create_index(f"ix_sending_domains_{column}", "sending_domains", [column])
    op.create_index(
        "uq_sending_domains_held",
        "sending_domains",
        ["domain"],
        unique=True,
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    )
    op.create_table(
        "sending_tenants",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        _text("transport", 16),
        _text("name", 64),
        _text("reference", 300),
        _text("configuration_set", 64),
        _text("status", 16),
        sa.Column("associated", sa.JSON(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        _key("sending_tenants", "tenant_id", "organisations"),
        sa.PrimaryKeyConstraint("tenant_id", "transport", name="pk_sending_tenants"),
    )
    op.create_table(
        "launch_senders",
        sa.Column("launch_id", sa.Uuid(), nullable=False),
        sa.Column("domain_id", sa.Uuid(), nullable=True),
        _key("launch_senders", "launch_id", "launches"),
        _key("launch_senders", "domain_id", "sending_domains"),
        sa.PrimaryKeyConstraint("launch_id", name="pk_launch_senders"),
    )
    op.create_index("ix_launch_senders_domain_id", "launch_senders", ["domain_id"])
    op.create_table(
        "reply_hosts",
        _text("domain", 253),
        sa.Column("has_mx", sa.Boolean(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_reply_hosts"),
    )


def downgrade() -> None:
    for table in ("reply_hosts", "launch_senders", "sending_tenants", "sending_domains"):
        op.drop_table(table)
