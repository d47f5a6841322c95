"""reminders of answers and of last days, holidays, approval by rule

Expand only: new columns are nullable or have a default the database fills in, so the release
before may still write. The two updates touch rows that wait for an answer, a few hundred in a
large installation; those rows are reminded once, when their answer is due. On PostgreSQL the
columns are added without rewriting a table; the two indexes lock their tables for writing while
they are built, a second for a million leads.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "kit_reminders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kit_version_id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kit_version_id"],
            ["kit_versions.id"],
            name=op.f("fk_kit_reminders_kit_version_id_kit_versions"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["organisations.id"],
            name=op.f("fk_kit_reminders_tenant_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kit_reminders")),
        sa.UniqueConstraint(
            "kit_version_id", "days", name=op.f("uq_kit_reminders_kit_version_id_days")
        ),
    )
    op.create_index(op.f("ix_kit_reminders_tenant_id"), "kit_reminders", ["tenant_id"])
    op.add_column(
        "programmes", sa.Column("holidays", sa.JSON(), nullable=False, server_default="[]")
    )
    op.add_column(
        "tiers", sa.Column("auto_approve", sa.JSON(), nullable=False, server_default="{}")
    )
    op.add_column("leads", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("leads", sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_leads_remind", "leads", ["remind_at"])
    op.add_column(
        "deal_registrations", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index("ix_deal_registrations_remind", "deal_registrations", ["remind_at"])
    op.execute("UPDATE leads SET remind_at = due_at WHERE state = 'routed'")
    op.execute(
        "UPDATE deal_registrations SET remind_at = answer_due_at "
        "WHERE state IN ('submitted', 'in_review')"
    )


def downgrade() -> None:
    op.drop_index("ix_deal_registrations_remind", "deal_registrations")
    op.drop_column("deal_registrations", "remind_at")
    op.drop_index("ix_leads_remind", "leads")
    op.drop_column("leads", "escalated_at")
    op.drop_column("leads", "remind_at")
    op.drop_column("tiers", "auto_approve")
    op.drop_column("programmes", "holidays")
    op.drop_table("kit_reminders")
