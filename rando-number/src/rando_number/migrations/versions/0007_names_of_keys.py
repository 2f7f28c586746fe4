"""0007 api_keys: one name, one key

A second click made a second key of the same name, and nobody saw the first one's secret.
Keys that share a name with an older one that is in use get their number behind it.

Locks api_keys while the index is made. Back: the index is dropped; names stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IN_USE = "revoked_at IS NULL"


def upgrade() -> None:
    op.execute(
        "UPDATE api_keys SET name = substr(name, 1, 55) || ' (' || id || ')' "
        "WHERE revoked_at IS NULL AND EXISTS (SELECT 1 FROM api_keys AS older "
        "WHERE older.user_id = api_keys.user_id AND older.name = api_keys.name "
        "AND older.revoked_at IS NULL AND older.id < api_keys.id)"
    )
    op.create_index(
        "uq_api_keys_user_id_name",
        "api_keys",
        ["user_id", "name"],
        unique=True,
        postgresql_where=sa.text(IN_USE),
        sqlite_where=sa.text(IN_USE),
    )


def downgrade() -> None:
    op.drop_index("uq_api_keys_user_id_name", "api_keys")
