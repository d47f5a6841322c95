"""Counts of what readers did, kept beside the events; what the rules saw of a request; segments.

Expand only. The release before reads none of it, and its events are missing from the counts:
after it has stopped, `tpma tracking rebuild` adds them. The counts are filled from the events in
three statements, each reading the table of events once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# What is counted of a person's hits, as the code counted it when this was written.
_BITS = {
    "open": 1, "click": 2, "page_view": 4, "form_submit": 8, "unsubscribe": 16, "download": 32,
}  # fmt: skip


def upgrade() -> None:
    op.add_column(
        "organisations",
        sa.Column("tracks_readers", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.add_column(
        "messages", sa.Column("seen", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "tracking_events",
        sa.Column("edition", sa.SmallInteger(), server_default="1", nullable=False),
    )
    op.add_column(
        "tracking_events",
        sa.Column("signs", sa.String(length=64), server_default="", nullable=False),
    )
    _tables()
    _indexes()
    _signs()
    _seen()
    _count()


def _tables() -> None:
    op.create_table(
        "tracking_counts",
        sa.Column("launch_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("link_key", sa.String(length=80), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["launch_id"], ["launches.id"], name="fk_tracking_counts_launch_id_launches"
        ),
        sa.PrimaryKeyConstraint(
            "launch_id", "type", "verdict", "rule", "step", "link_key", "shard",
            name="pk_tracking_counts",
        ),
    )  # fmt: skip
    op.create_table(
        "event_segments",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_event_segments"),
    )


def _indexes() -> None:
    for name, columns, kind in (
        ("ix_tracking_events_network", ["ip_prefix", "occurred_at"], "click"),
        ("ix_tracking_events_traps", ["occurred_at"], "trap"),
    ):
        condition = sa.text(f"type = '{kind}'")
        op.create_index(
            name,
            "tracking_events",
            columns,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    clicked = sa.text("clicked_at IS NOT NULL")
    op.create_index(
        "ix_messages_clicked",
        "messages",
        ["launch_id", "rcpt_key"],
        sqlite_where=clicked,
        postgresql_where=clicked,
    )


def _signs() -> None:
    """What is still to be told of requests that only their verdict is known of."""
    op.execute(
        "UPDATE tracking_events SET signs = CASE"
        " WHEN rule LIKE 'BOT-01/%' THEN 'ahead'"
        " WHEN rule LIKE 'BOT-02/%' AND verdict = 'scanner' THEN 'scanner'"
        " WHEN rule LIKE 'BOT-02/%' THEN 'library'"
        " WHEN rule LIKE 'BOT-09/%' AND verdict = 'machine_open' THEN 'private'"
        " WHEN rule LIKE 'BOT-09/%' THEN 'proxy'"
        " ELSE '' END WHERE rule <> ''"
    )


def _seen() -> None:
    bits = " ".join(f"WHEN '{kind}' THEN {bit}" for kind, bit in _BITS.items())
    op.execute(
        "UPDATE messages SET seen ="
        f" (SELECT COALESCE(SUM(DISTINCT CASE e.type {bits} ELSE 0 END), 0)"
        " FROM tracking_events e WHERE e.message_id = messages.id AND e.verdict = 'human')"
        " WHERE id IN (SELECT message_id FROM tracking_events"
        " WHERE verdict = 'human' AND message_id IS NOT NULL)"
    )


def _count() -> None:
    """Hits by everything; mails a step and people a launch by what they did themselves."""
    acts = " UNION ALL ".join(
        f"SELECT '{kind}' AS type, {bit} AS bit" for kind, bit in _BITS.items()
    )
    did = f"messages m JOIN ({acts}) a ON m.seen <> 0 AND (m.seen & a.bit) <> 0"
    op.execute(
        "INSERT INTO tracking_counts"
        " (launch_id, type, verdict, rule, step, link_key, shard, hits, messages, people)"
        " SELECT launch_id, type, verdict, rule, step, link_key, 0,"
        " SUM(hits), SUM(messages), SUM(people) FROM ("
        " SELECT e.launch_id, e.type, e.verdict, e.rule, COALESCE(m.step, 0) AS step, e.link_key,"
        " COUNT(*) AS hits, 0 AS messages, 0 AS people"
        " FROM tracking_events e LEFT JOIN messages m ON m.id = e.message_id"
        " GROUP BY e.launch_id, e.type, e.verdict, e.rule, COALESCE(m.step, 0), e.link_key"
        " UNION ALL SELECT m.launch_id, a.type, 'human', '', m.step, '', 0, COUNT(*), 0"
        f" FROM {did} GROUP BY m.launch_id, a.type, m.step"
        " UNION ALL SELECT m.launch_id, a.type, 'human', '', 0, '', 0, 0,"
        f" COUNT(DISTINCT m.rcpt_key) FROM {did} GROUP BY m.launch_id, a.type"
        ") counted GROUP BY launch_id, type, verdict, rule, step, link_key"
    )


def downgrade() -> None:
    for index, table in (
        ("ix_messages_clicked", "messages"),
        ("ix_tracking_events_traps", "tracking_events"),
        ("ix_tracking_events_network", "tracking_events"),
    ):
        op.drop_index(index, table_name=table)
    op.drop_table("event_segments")
    op.drop_table("tracking_counts")
    op.execute("DELETE FROM tracking_events WHERE type IN ('trap', 'style')")
    for table, column in (
        ("tracking_events", "signs"),
        ("tracking_events", "edition"),
        ("messages", "seen"),
        ("organisations", "tracks_readers"),
    ):
        op.drop_column(table, column)
