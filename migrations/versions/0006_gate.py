"""Gate: reports kept, marks before a launch, proof of double opt-in, readers' choices.

Adds tables and nullable or defaulted columns only: the release before runs on with them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _stamps() -> list[sa.Column]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
    ]


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}_{other}")


def upgrade() -> None:
    with op.batch_alter_table("consents") as batch_op:
        batch_op.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("obtained_on", sa.Date(), nullable=True))
    with op.batch_alter_table("contact_imports") as batch_op:
        batch_op.add_column(sa.Column("obtained_on", sa.Date(), nullable=True))
        batch_op.add_column(
            sa.Column("purchased", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_table(
        "mail_choices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("vendor_id", sa.Uuid(), nullable=False),
        sa.Column("email_hmac", sa.LargeBinary(length=16), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        *_stamps(),
        _key("mail_choices", "tenant_id", "organisations"),
        _key("mail_choices", "vendor_id", "organisations"),
        sa.PrimaryKeyConstraint("id", name="pk_mail_choices"),
        sa.UniqueConstraint(
            "tenant_id",
            "vendor_id",
            "email_hmac",
            name="uq_mail_choices_tenant_id_vendor_id_email_hmac",
        ),
    )
    op.create_index("ix_mail_choices_email_hmac", "mail_choices", ["email_hmac"])
    op.create_table(
        "gate_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("launch_id", sa.Uuid(), nullable=False),
        sa.Column("gate_hash", sa.String(length=64), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_by", sa.JSON(), nullable=False),
        *_stamps(),
        _key("gate_reports", "tenant_id", "organisations"),
        _key("gate_reports", "launch_id", "launches"),
        _key("gate_reports", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name="pk_gate_reports"),
    )
    op.create_index("ix_gate_reports_launch", "gate_reports", ["launch_id", "created_at"])
    op.create_table(
        "gate_marks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("launch_id", sa.Uuid(), nullable=False),
        sa.Column("gate_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("times", sa.SmallInteger(), nullable=False),
        *_stamps(),
        _key("gate_marks", "tenant_id", "organisations"),
        _key("gate_marks", "launch_id", "launches"),
        _key("gate_marks", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name="pk_gate_marks"),
        sa.UniqueConstraint(
            "launch_id",
            "gate_hash",
            "kind",
            "rule",
            "user_id",
            name="uq_gate_marks_launch_id_gate_hash_kind_rule_user_id",
        ),
    )
    op.create_table(
        "gate_settings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        *_stamps(),
        _key("gate_settings", "tenant_id", "organisations"),
        sa.PrimaryKeyConstraint("id", name="pk_gate_settings"),
        sa.UniqueConstraint("tenant_id", name="uq_gate_settings_tenant_id"),
    )


def downgrade() -> None:
    for table in ("gate_settings", "gate_marks", "gate_reports", "mail_choices"):
        op.drop_table(table)
    with op.batch_alter_table("contact_imports") as batch_op:
        batch_op.drop_column("purchased")
        batch_op.drop_column("obtained_on")
    with op.batch_alter_table("consents") as batch_op:
        batch_op.drop_column("obtained_on")
        batch_op.drop_column("confirmed_at")
        batch_op.drop_column("asked_at")
