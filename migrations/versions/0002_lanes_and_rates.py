"""lanes, rates and quotas: whose turn it is, and how fast; notices in doubt

Chunks that exist get the lane of their launch's partner.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WHEN = sa.DateTime(timezone=True)
_OPEN = {
    "sqlite_where": sa.text("finished_at IS NULL"),
    "postgresql_where": sa.text("finished_at IS NULL"),
}


def upgrade() -> None:
    op.create_table(
        "provider_accounts",
        sa.Column("transport", sa.String(16), nullable=False),
        sa.Column("read_at", _WHEN, nullable=False),
        sa.Column("max_per_second", sa.Double(), nullable=False),
        sa.Column("max_24h", sa.Double(), nullable=False),
        sa.Column("sent_24h", sa.Double(), nullable=False),
        sa.Column("sending_enabled", sa.Boolean(), nullable=False),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("enforcement", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("transport", name=op.f("pk_provider_accounts")),
    )
    op.create_table(
        "quota_counters",
        sa.Column("scope", sa.String(80), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "hour", name=op.f("pk_quota_counters")),
    )
    op.create_table(
        "send_rates",
        sa.Column("scope", sa.String(80), nullable=False),
        sa.Column("per_second", sa.Double(), nullable=True),
        sa.Column("ceiling", sa.Double(), nullable=True),
        sa.Column("promised", _WHEN, nullable=True),
        sa.Column("lowered_at", _WHEN, nullable=True),
        sa.Column("raised_at", _WHEN, nullable=True),
        sa.Column("held_until", _WHEN, nullable=True),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("throttled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_send_rates")),
    )
    op.create_table(
        "send_lanes",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("vtime", sa.Double(), nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("weight", sa.SmallInteger(), nullable=False),
        sa.Column("served_at", _WHEN, nullable=True),
        sa.Column("held_until", _WHEN, nullable=True),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["organisations.id"], name=op.f("fk_send_lanes_tenant_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send_lanes")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_send_lanes_tenant_id")),
    )
    op.create_table(
        "launch_paces",
        sa.Column("launch_id", sa.Uuid(), nullable=False),
        sa.Column("served_at", _WHEN, nullable=True),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.Column("canary", sa.Integer(), nullable=False),
        sa.Column("held_until", _WHEN, nullable=True),
        sa.ForeignKeyConstraint(
            ["launch_id"], ["launches.id"], name=op.f("fk_launch_paces_launch_id_launches")
        ),
        sa.PrimaryKeyConstraint("launch_id", name=op.f("pk_launch_paces")),
    )
    op.add_column(
        "notices", sa.Column("generation", sa.SmallInteger(), nullable=False, server_default="1")
    )
    op.add_column("notices", sa.Column("started_at", _WHEN, nullable=True))
    op.add_column("launches", sa.Column("resumed_at", _WHEN, nullable=True))
    with op.batch_alter_table("notices") as batch_op:
        batch_op.alter_column("generation", existing_type=sa.SmallInteger(), server_default=None)
    op.add_column("send_chunks", sa.Column("lane_id", _BIG, nullable=True))
    op.execute(
        "INSERT INTO send_lanes (tenant_id, vtime, started, weight, cause) SELECT DISTINCT l.tenant_id, 0, 0, 1, '' "
        "FROM launches l JOIN send_chunks c ON c.launch_id = l.id"
    )
    op.execute(
        "INSERT INTO launch_paces (launch_id, released, canary) SELECT DISTINCT launch_id, 0, 0 FROM send_chunks"
    )
    op.execute(
        "UPDATE send_chunks SET lane_id = (SELECT a.id FROM send_lanes a JOIN launches l "
        "ON l.tenant_id = a.tenant_id WHERE l.id = send_chunks.launch_id)"
    )
    with op.batch_alter_table("send_chunks") as batch_op:
        batch_op.alter_column("lane_id", existing_type=_BIG, nullable=False)
        batch_op.create_index("ix_send_chunks_open", ["lane_id", "not_before"], **_OPEN)
        batch_op.create_foreign_key(
            batch_op.f("fk_send_chunks_lane_id_send_lanes"), "send_lanes", ["lane_id"], ["id"]
        )


def downgrade() -> None:
    op.execute("UPDATE notices SET state = 'queued' WHERE state = 'in_doubt'")
    op.execute("UPDATE notices SET state = 'failed' WHERE state = 'unconfirmed'")
    with op.batch_alter_table("launches") as batch_op:
        batch_op.drop_column("resumed_at")
    with op.batch_alter_table("notices") as batch_op:
        batch_op.drop_column("started_at")
        batch_op.drop_column("generation")
    with op.batch_alter_table("send_chunks") as batch_op:
        batch_op.drop_constraint(
            batch_op.f("fk_send_chunks_lane_id_send_lanes"), type_="foreignkey"
        )
        batch_op.drop_index("ix_send_chunks_open")
        batch_op.drop_column("lane_id")
    for table in (
        "launch_paces",
        "send_lanes",
        "send_rates",
        "quota_counters",
        "provider_accounts",
    ):
        op.drop_table(table)
