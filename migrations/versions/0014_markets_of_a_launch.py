"""The markets a launch was planned for: by them the law of readers of unknown country is judged.

Expand only: the release before neither reads nor writes it. Launches under way are given the
countries of their partner's readers, as planning would give them today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("launches", sa.Column("markets", sa.Text(), server_default="", nullable=False))
    sqlite = op.get_bind().dialect.name == "sqlite"
    joined = "group_concat(country, ' ')" if sqlite else "string_agg(country, ' ')"
    op.execute(
        f"UPDATE launches SET markets = COALESCE((SELECT {joined} FROM ("
        " SELECT c.country FROM contacts c WHERE c.tenant_id = launches.tenant_id"
        " AND c.country <> ''"
        " UNION SELECT o.country FROM organisations o WHERE o.id = launches.tenant_id"
        " ORDER BY 1) lands), '')"
        " WHERE state IN ('scheduled', 'running', 'paused', 'collecting')"
    )


def downgrade() -> None:
    op.drop_column("launches", "markets")
