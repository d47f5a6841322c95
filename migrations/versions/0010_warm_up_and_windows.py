"""Warm-up of young domains, limits by mailbox provider, hours in which mail may leave.

Adds one table and columns with defaults, and makes two keys longer; the release before does not
look at the new ones. On PostgreSQL none of it rewrites a table; the tables that SQLite copies
(rates, counters) have some dozens of rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_SCOPED = ("send_rates", "quota_counters")


def upgrade() -> None:
    op.create_table(
        "warmups",
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("stopped", sa.String(length=16), nullable=False),
        sa.Column("own_cap", sa.Integer(), nullable=True),
        sa.Column("warmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("domain", name="pk_warmups"),
    )
    _lengthen(80, 300)
    op.add_column("send_rates", sa.Column("until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("send_rates", sa.Column("a_day", sa.Integer(), nullable=True))
    op.add_column(
        "send_chunks", sa.Column("mailbox", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "send_chunks", sa.Column("zone", sa.String(length=64), server_default="", nullable=False)
    )
    op.add_column(
        "launch_paces",
        sa.Column("domain", sa.String(length=253), server_default="", nullable=False),
    )
    op.create_index("ix_launch_paces_domain", "launch_paces", ["domain"])
    for column in _of_launches():
        op.add_column("launches", column)


def _of_launches() -> list[sa.Column]:
    return [
        sa.Column("reader_time", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hours_from", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("hours_until", sa.SmallInteger(), server_default="24", nullable=False),
        sa.Column("weekdays", sa.String(length=7), server_default="1234567", nullable=False),
        sa.Column("spread_hours", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("chosen_start", sa.DateTime(timezone=True), nullable=True),
    ]


def _lengthen(before: int, after: int) -> None:
    for table in _SCOPED:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(
                "scope",
                existing_type=sa.String(length=before),
                type_=sa.String(length=after),
                existing_nullable=False,
            )


def downgrade() -> None:
    for column in reversed(_of_launches()):
        op.drop_column("launches", column.name)
    op.drop_index("ix_launch_paces_domain", "launch_paces")
    op.drop_column("launch_paces", "domain")
    op.drop_column("send_chunks", "zone")
    op.drop_column("send_chunks", "mailbox")
    op.drop_column("send_rates", "a_day")
    op.drop_column("send_rates", "until")
    op.execute("DELETE FROM send_rates WHERE length(scope) > 80")
    op.execute("DELETE FROM quota_counters WHERE length(scope) > 80")
    _lengthen(300, 80)
    op.drop_table("warmups")
