"""messages: no index names what changes with each mail, and no foreign key what is never deleted.

What is open is found through chunks instead (`send_chunks.begun`, true for all that are under
way), and what waited past a launch's last day is let go once (`launches.expired_at`). PostgreSQL
keeps room in each page for the next version of a row. Attempts without a provider's id are in no
index of such. On SQLite the table is written anew, which takes seconds for each million rows; on
PostgreSQL three indexes are built, and no message is written meanwhile.

The release before runs on this schema, but reads more to find what is open, and a chunk it serves
is not marked: its mails under way are looked for once a worker of this release had the chunk.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_OPEN = "send_state IN ('planned','queued','submitting','in_doubt')"
_KEYS = {
    "fk_messages_tenant_id_organisations": ("tenant_id", "organisations"),
    "fk_messages_launch_id_launches": ("launch_id", "launches"),
    "fk_messages_contact_id_contacts": ("contact_id", "contacts"),
}


def upgrade() -> None:
    op.add_column(
        "send_chunks", sa.Column("begun", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute("UPDATE send_chunks SET begun = true WHERE finished_at IS NULL")
    op.add_column("launches", sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True))
    # Nothing of these can wait any more; the others are looked at once when their day is over.
    op.execute(
        "UPDATE launches SET expired_at = ends_at"
        " WHERE state IN ('ended', 'cancelled', 'aborted', 'archived')"
    )
    for name in ("ix_messages_chunk", "ix_messages_open", "ix_messages_due"):
        op.drop_index(name, table_name="messages")
    with op.batch_alter_table("messages") as messages:
        for name in _KEYS:
            messages.drop_constraint(name, type_="foreignkey")
    _index("ix_messages_chunk", "messages", ["chunk_id"], "chunk_id IS NOT NULL")
    _index(
        "ix_messages_due",
        "messages",
        ["launch_id", "not_before"],
        "not_before IS NOT NULL AND chunk_id IS NULL",
    )
    op.drop_index("ix_attempts_provider_id", table_name="attempts")
    _index("ix_attempts_provider_id", "attempts", ["provider_id"], "provider_id IS NOT NULL")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE messages SET (fillfactor = 50)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE messages RESET (fillfactor)")
    op.drop_index("ix_attempts_provider_id", table_name="attempts")
    op.create_index("ix_attempts_provider_id", "attempts", ["provider_id"])
    for name in ("ix_messages_chunk", "ix_messages_due"):
        op.drop_index(name, table_name="messages")
    with op.batch_alter_table("messages") as messages:
        for name, (column, table) in _KEYS.items():
            messages.create_foreign_key(name, table, [column], ["id"])
    op.create_index("ix_messages_chunk", "messages", ["chunk_id", "send_state"])
    _index("ix_messages_open", "messages", ["launch_id", "send_state"], _OPEN)
    _index(
        "ix_messages_due",
        "messages",
        ["not_before"],
        "send_state = 'planned' AND not_before IS NOT NULL",
    )
    op.drop_column("launches", "expired_at")
    op.drop_column("send_chunks", "begun")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
