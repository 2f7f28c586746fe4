"""0002 users: second factor

One-time codes by an authenticator app, and recovery codes. Both secrets are kept
encrypted; nobody has a second factor before this migration.

Locks users for five ALTERs that fill nothing. Back: the columns are dropped, and who
had a second factor signs in without it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "tf_primary_method": sa.String(64),
    "tf_totp_secret": sa.String(255),
    "tf_phone_number": sa.String(128),
    "tf_last_counter": BIG,
    "mf_recovery_codes": sa.JSON(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("users", sa.Column(name, kind))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("users", name)
