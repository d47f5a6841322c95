"""Vendors' logos as uploaded, four eyes for kits, and why a version came back.

Costs nothing noticeable: columns with defaults on small tables. The release before does not read
them, and rows it writes get the defaults.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("vendors") as batch:
        batch.add_column(
            sa.Column("four_eyes", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("kit_versions") as batch:
        batch.add_column(sa.Column("author_id", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("submitted_by_id", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("review_note", sa.String(), server_default="", nullable=False))
        batch.create_foreign_key(
            batch.f("fk_kit_versions_author_id_users"), "users", ["author_id"], ["id"]
        )
        batch.create_foreign_key(
            batch.f("fk_kit_versions_submitted_by_id_users"), "users", ["submitted_by_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("kit_versions") as batch:
        batch.drop_constraint(batch.f("fk_kit_versions_submitted_by_id_users"), type_="foreignkey")
        batch.drop_constraint(batch.f("fk_kit_versions_author_id_users"), type_="foreignkey")
        batch.drop_column("review_note")
        batch.drop_column("submitted_by_id")
        batch.drop_column("author_id")
    with op.batch_alter_table("vendors") as batch:
        batch.drop_column("four_eyes")
