"""0005 passkeys

A customer may sign in with a passkey, alone or on top of the password.

Locks users for one ALTER that fills nothing. Back: the table is dropped, and who signed in
with a passkey takes the password; one that was a second factor is none any more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("fs_webauthn_user_handle", sa.String(64)))
    op.create_table(
        "passkeys",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_passkeys_user_id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("usage", sa.String(16), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", BIG, nullable=False),
        sa.Column("transports", sa.JSON()),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("device_type", sa.String(64), nullable=False),
        sa.Column("extensions", sa.String(255)),
        sa.Column("answered", sa.String(64)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("lastuse_datetime", AT, nullable=False),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])


def downgrade() -> None:
    op.drop_table("passkeys")
    op.drop_column("users", "fs_webauthn_user_handle")
