"""Steps over time: deeds of readers, mails a deed sends, two subjects, launches by own mailers.

Adds tables and columns with defaults; the release before does not look at them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_WAITING = sa.text("send_state = 'planned' AND not_before IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("launches") as table:
        table.add_column(sa.Column("triggered", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(
            sa.Column("own_mailer", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.add_column(sa.Column("own_sent", sa.Integer(), nullable=True))
        table.add_column(sa.Column("link_no", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("subject_test", sa.JSON(), nullable=False, server_default="{}"))
        table.create_unique_constraint("uq_launches_link_no", ["link_no"])
    op.add_column(
        "messages", sa.Column("variant", sa.String(length=1), nullable=False, server_default="")
    )
    op.create_index(
        "ix_messages_due",
        "messages",
        ["not_before"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_table(
        "reader_deeds",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("launch_id", sa.Uuid(), nullable=False),
        sa.Column("rcpt_key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("link_key", sa.String(length=80), nullable=False),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["organisations.id"], name="fk_reader_deeds_tenant_id_organisations"
        ),
        sa.ForeignKeyConstraint(
            ["launch_id"], ["launches.id"], name="fk_reader_deeds_launch_id_launches"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_reader_deeds_message_id_messages"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reader_deeds"),
        sa.UniqueConstraint(
            "launch_id",
            "rcpt_key",
            "kind",
            "link_key",
            name="uq_reader_deeds_launch_id_rcpt_key_kind_link_key",
        ),
    )
    op.create_index("ix_reader_deeds_message", "reader_deeds", ["message_id"])


def downgrade() -> None:
    op.drop_table("reader_deeds")
    op.drop_index("ix_messages_due", "messages")
    with op.batch_alter_table("messages") as table:
        table.drop_column("variant")
    with op.batch_alter_table("launches") as table:
        table.drop_constraint("uq_launches_link_no", type_="unique")
        for name in ("subject_test", "link_no", "own_sent", "own_mailer", "triggered"):
            table.drop_column(name)
