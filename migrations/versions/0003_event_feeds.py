"""event feeds

New tables, an index and a column with a default: the release before does not mind them, and
nothing is rewritten. The index on `attempts` is built under a lock; on PostgreSQL that takes a
second for a million attempts, so migrate while no launch is sending.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "canaries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("feed", sa.String(length=96), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("provider_id", sa.String(length=120), nullable=True),
        sa.Column("proven_at", _MOMENT, nullable=True),
        sa.Column("settled_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canaries")),
    )
    op.create_index(op.f("ix_canaries_started_at"), "canaries", ["started_at"])
    op.create_table(
        "dead_events",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("buried_at", _MOMENT, nullable=False),
        sa.Column("receives", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_events")),
    )
    op.create_index(op.f("ix_dead_events_buried_at"), "dead_events", ["buried_at"])
    op.create_table(
        "event_counts",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("result", sa.String(length=16), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "source", "kind", "result", name=op.f("pk_event_counts")),
    )
    op.create_table(
        "event_orphans",
        sa.Column("dedupe_key", sa.String(length=64), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("parked_at", _MOMENT, nullable=False),
        sa.Column("next_try_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("dedupe_key", name=op.f("pk_event_orphans")),
    )
    op.create_index(op.f("ix_event_orphans_next_try_at"), "event_orphans", ["next_try_at"])
    op.create_table(
        "feed_subscriptions",
        sa.Column("topic", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_feed_subscriptions")),
    )
    op.create_table(
        "feeds",
        sa.Column("name", sa.String(length=96), nullable=False),
        sa.Column("is_watched", sa.Boolean(), nullable=False),
        sa.Column("seen_through", _MOMENT, nullable=True),
        sa.Column("attempts_through", _MOMENT, nullable=True),
        sa.Column("alarmed_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feeds")),
    )
    op.create_index(op.f("ix_attempts_provider_id"), "attempts", ["provider_id"])
    op.add_column(
        "delivery_facts",
        sa.Column("subtype", sa.String(length=40), server_default="", nullable=False),
    )


def downgrade() -> None:
    with op.batch_alter_table("delivery_facts") as facts:
        facts.drop_column("subtype")
    op.drop_index(op.f("ix_attempts_provider_id"), table_name="attempts")
    op.drop_table("feeds")
    op.drop_table("feed_subscriptions")
    op.drop_table("event_orphans")
    op.drop_table("event_counts")
    op.drop_table("dead_events")
    op.drop_table("canaries")
