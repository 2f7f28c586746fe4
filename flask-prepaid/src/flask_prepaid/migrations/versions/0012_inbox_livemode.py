"""Whether an event of the inbox tells of real money

Revision ID: 0012
Revises: 0011

An event of the other mode, test or live, is ignored when it comes; run again, it was taken for one of ours.

Locks prepaid_inbox for one ALTER, which writes no row. Back: drops the column.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("prepaid_inbox", sa.Column("livemode", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("prepaid_inbox", "livemode")
