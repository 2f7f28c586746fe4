"""What Stripe's dashboard does to a plan beside changing it

Revision ID: 0015
Revises: 0014

Other items beside the plan's own, and payments that are stopped for a while, are shown from now on.

Locks prepaid_subscription for three ALTERs, which write no row. Back: drops the columns.
"""

import sqlalchemy as sa
from alembic import op

from prepaid_ledger.database import BigInt

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLE = "prepaid_subscription"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("other_items", BigInt, nullable=False, server_default="0"))
    op.add_column(TABLE, sa.Column("collects", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column(TABLE, sa.Column("collects_again_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("collects_again_at", "collects", "other_items"):
        op.drop_column(TABLE, column)
