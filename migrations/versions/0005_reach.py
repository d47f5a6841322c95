"""suppressed domains and lists, whose partners a member sees, opt-in only

Expand only. The release before reads none of it. New columns have a default that changes
nothing, but for one: a member of a vendor who is a channel manager and nothing else saw only
the partners assigned to them by their role, and keeps that as a setting. On SQLite the table
`suppressions` is copied once for its new reference; PostgreSQL adds it without rewriting.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column(
        "organisations",
        sa.Column("opt_in_only", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "memberships",
        sa.Column("sight", sa.String(length=32), server_default="all", nullable=False),
    )
    _keep_channel_managers_to_their_own()
    _lists()
    _domains()
    with op.batch_alter_table("suppressions") as table:
        table.add_column(sa.Column("list_id", sa.Uuid(), nullable=True))
        table.create_foreign_key(
            op.f("fk_suppressions_list_id_suppression_lists"),
            "suppression_lists",
            ["list_id"],
            ["id"],
        )
        table.create_index(op.f("ix_suppressions_list_id"), ["list_id"], unique=False)


def _keep_channel_managers_to_their_own() -> None:
    members = sa.table(
        "memberships",
        sa.column("id", sa.Uuid()),
        sa.column("roles", sa.JSON()),
        sa.column("sight", sa.String()),
    )
    connection = op.get_bind()
    alone = [row.id for row in connection.execute(sa.select(members)) if row.roles == ["CM"]]
    for member in alone:
        connection.execute(members.update().where(members.c.id == member).values(sight="own"))


def _lists() -> None:
    op.create_table(
        "suppression_lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("file_path", sa.String(length=300), nullable=False),
        sa.Column("encoding", sa.String(length=40), nullable=False),
        sa.Column("separator", sa.String(length=1), nullable=False),
        sa.Column("column", sa.Integer(), nullable=False),
        sa.Column("skip_first", sa.Boolean(), nullable=False),
        sa.Column("subdomains", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_bad", sa.Integer(), nullable=False),
        sa.Column("addresses", sa.Integer(), nullable=False),
        sa.Column("domains", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=300), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["organisations.id"],
            name=op.f("fk_suppression_lists_tenant_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_lists")),
    )
    op.create_index(op.f("ix_suppression_lists_tenant_id"), "suppression_lists", ["tenant_id"])
    op.create_table(
        "suppression_list_rows",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("email_hmac", sa.LargeBinary(length=16), nullable=True),
        sa.Column("shown", sa.String(length=254), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=True),
        sa.Column("subdomains", sa.Boolean(), nullable=False),
        sa.Column("fault", sa.String(length=32), nullable=True),
        sa.Column("raw", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["suppression_lists.id"],
            name=op.f("fk_suppression_list_rows_list_id_suppression_lists"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_suppression_list_rows")),
    )
    for name, columns in (
        ("ix_suppression_list_rows_address", ["email_hmac", "list_id"]),
        ("ix_suppression_list_rows_domain", ["domain", "list_id"]),
        (op.f("ix_suppression_list_rows_list_id"), ["list_id"]),
    ):
        op.create_index(name, "suppression_list_rows", columns)


def _domains() -> None:
    op.create_table(
        "suppressed_domains",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("subdomains", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("list_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["suppression_lists.id"],
            name=op.f("fk_suppressed_domains_list_id_suppression_lists"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["organisations.id"],
            name=op.f("fk_suppressed_domains_tenant_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressed_domains")),
        sa.UniqueConstraint(
            "tenant_id",
            "scope",
            "domain",
            name=op.f("uq_suppressed_domains_tenant_id_scope_domain"),
        ),
    )
    op.create_index(op.f("ix_suppressed_domains_domain"), "suppressed_domains", ["domain"])
    op.create_index(op.f("ix_suppressed_domains_list_id"), "suppressed_domains", ["list_id"])


def downgrade() -> None:
    with op.batch_alter_table("suppressions") as table:
        table.drop_index(op.f("ix_suppressions_list_id"))
        table.drop_constraint(op.f("fk_suppressions_list_id_suppression_lists"), type_="foreignkey")
        table.drop_column("list_id")
    op.drop_table("suppressed_domains")
    op.drop_table("suppression_list_rows")
    op.drop_table("suppression_lists")
    op.drop_column("memberships", "sight")
    op.drop_column("organisations", "opt_in_only")
