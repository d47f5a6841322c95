"""What a launch was planned for (markets), and how its two subjects are tried (share and hours).

Expand only: the release before neither reads nor writes them. By the markets the law of readers
of unknown country is judged; launches under way are given the countries of their partner's
readers, as planning would give them today. Share and hours were the same for all until now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("launches", sa.Column("markets", sa.Text(), server_default="", nullable=False))
    for name, before in (("trial_share", "20"), ("trial_hours", "4")):
        op.add_column(
            "launches", sa.Column(name, sa.SmallInteger(), server_default=before, nullable=False)
        )
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
    for name in ("trial_hours", "trial_share", "markets"):
        op.drop_column("launches", name)
