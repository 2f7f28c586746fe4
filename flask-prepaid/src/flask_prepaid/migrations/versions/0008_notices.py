"""What customers were told once

Revision ID: 0008
Revises: 0007

One line for each thing that a customer was told and is not to be told again.

Locks nothing that was there before. Back: drops the table; what is still so is then told once more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prepaid_notice",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "about", name=op.f("pk_prepaid_notice")),
    )


def downgrade() -> None:
    op.drop_table("prepaid_notice")
