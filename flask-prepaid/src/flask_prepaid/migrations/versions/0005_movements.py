"""Our copy of Stripe's balance transactions, and payments by time

Revision ID: 0005
Revises: 0004

The reports read it, so that none of them asks Stripe. It fills with the first `flask prepaid sync`.

The index lets each attempt to pay be held against those of the last hour.

Locks prepaid_payment while its index is built. Back: drops both; another sync fills the copy again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "prepaid_movement",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", BigInt, nullable=False),
        sa.Column("fee_minor", BigInt, nullable=False),
        sa.Column("source", sa.String(length=255)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_movement")),
    )
    op.create_index("ix_prepaid_movement_day", "prepaid_movement", ["day"])
    op.create_index("ix_prepaid_movement_created_at", "prepaid_movement", ["created_at"])
    op.create_index("ix_prepaid_payment_created_at", "prepaid_payment", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_prepaid_payment_created_at", "prepaid_payment")
    op.drop_table("prepaid_movement")
