"""Auto top-up

Revision ID: 0004
Revises: 0003

What each owner has set for auto top-up; nobody has it on after this.

Locks nothing that was there before. Back: drops the table, and nobody is topped up any more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "prepaid_topup",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("pack", sa.String(length=64), nullable=False),
        sa.Column("threshold", BigInt, nullable=False),
        sa.Column("ceiling_minor", BigInt, nullable=False),
        sa.Column("after_payment", BigInt, nullable=False),
        sa.Column("stopped", sa.String(length=255)),
        sa.CheckConstraint("threshold > 0", name=op.f("ck_prepaid_topup_threshold_positive")),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_prepaid_topup")),
    )


def downgrade() -> None:
    op.drop_table("prepaid_topup")
