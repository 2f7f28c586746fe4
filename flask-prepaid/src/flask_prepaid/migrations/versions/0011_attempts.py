"""Attempts to pay, or to leave a card, of the last hours

Revision ID: 0011
Revises: 0010

Whoever tries out stolen cards pays under many names, and leaves cards without paying: both are
counted here, by customer and by address. ``tick`` deletes what is older than a day.

Locks nothing that was there before. Back: drops the table; the limits then count from zero.
"""

import sqlalchemy as sa
from alembic import op

from prepaid_ledger.database import BigInt

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prepaid_attempt",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_attempt")),
    )
    op.create_index("ix_prepaid_attempt_owner_at", "prepaid_attempt", ["owner", "at"])
    op.create_index("ix_prepaid_attempt_address_at", "prepaid_attempt", ["address", "at"])
    op.create_index("ix_prepaid_attempt_at", "prepaid_attempt", ["at"])


def downgrade() -> None:
    op.drop_table("prepaid_attempt")
