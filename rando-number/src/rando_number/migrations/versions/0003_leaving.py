"""0003 users: newest reset link, closed accounts, monthly limit

A link that resets a password is dead once a newer one was sent; a closed account keeps
its row, so that the ledger's owner stays one; a customer may limit a month's credits.

Links that were sent before this migration are dead: ask for another. Locks users for five
ALTERs that fill nothing. Back: the columns are dropped, and with them all three.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("reset_digest", sa.String(64)))
    op.add_column("users", sa.Column("closed_at", sa.DateTime(timezone=True)))
    op.add_column("users", sa.Column("cap_per_month", BIG))
    op.add_column("users", sa.Column("month", sa.String(7), nullable=False, server_default=""))
    op.add_column("users", sa.Column("used", BIG, nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("reset_digest", "closed_at", "cap_per_month", "month", "used"):
        op.drop_column("users", name)
