"""Hosts of partners' own that links run over, and which of them a launch was frozen with.

Expand only: the release before looks at neither. Its launches have no host of their own, so their
links run over the platform's, as those that are under way do from now on. Going back takes the
hosts away: launches that were frozen with one keep their links, and nobody answers there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_CURRENT = sa.text("ended_at IS NULL")


def _moment(name: str, *, nullable: bool = True) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=f"fk_link_hosts_{column}_{other}"
    )


def upgrade() -> None:
    op.create_table(
        "link_hosts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("finding", sa.JSON(), nullable=False),
        _moment("asked_at", nullable=False),
        _moment("checked_at"),
        _moment("stands_since"),
        _moment("stood_first_at"),
        _moment("lost_at"),
        _moment("ended_at"),
        _moment("created_at", nullable=False),
        _moment("updated_at", nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        _key("tenant_id", "organisations"),
        _key("domain_id", "sending_domains"),
        sa.PrimaryKeyConstraint("id", name="pk_link_hosts"),
        sa.UniqueConstraint("host", name="uq_link_hosts_host"),
    )
    op.create_index("ix_link_hosts_tenant_id", "link_hosts", ["tenant_id"])
    op.create_index("ix_link_hosts_domain_id", "link_hosts", ["domain_id"])
    op.create_index(
        "uq_link_hosts_of_domain",
        "link_hosts",
        ["domain_id"],
        unique=True,
        sqlite_where=_CURRENT,
        postgresql_where=_CURRENT,
    )
    op.add_column(
        "launches", sa.Column("link_host", sa.String(length=253), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("launches", "link_host")
    op.drop_table("link_hosts")
