"""Saved cards, refunds and disputes

Revision ID: 0003
Revises: 0002

Cards on file are copied here so that a page can list them without asking Stripe. Refunds and disputes
have rows so that what is asked of Stripe is committed first, and so that an older answer never overwrites
a newer one.

Locks prepaid_customer for one ALTER that adds an empty column. Back: drops the tables; Stripe has all of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("prepaid_customer", sa.Column("cards_fetched_at", sa.DateTime(timezone=True)))
    op.create_table(
        "prepaid_card",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("brand", sa.String(length=32), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("exp_month", BigInt, nullable=False),
        sa.Column("exp_year", BigInt, nullable=False),
        sa.Column("name", sa.String(length=255)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_card")),
    )
    op.create_index("ix_prepaid_card_owner", "prepaid_card", ["owner"])
    op.create_table(
        "prepaid_refund",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("payment_id", BigInt, nullable=False),
        sa.Column("amount_minor", BigInt, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "refused",
                "pending",
                "requires_action",
                "succeeded",
                "failed",
                "canceled",
                name="refundstate",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=255)),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("stripe_id", sa.String(length=255)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True)),
        sa.Column("check_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_prepaid_refund_amount_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_refund_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_refund")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_refund_idempotency_key")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_refund_stripe_id")),
    )
    op.create_index("ix_prepaid_refund_payment_id", "prepaid_refund", ["payment_id"])
    op.create_index("ix_prepaid_refund_check_at", "prepaid_refund", ["check_at"])
    op.create_table(
        "prepaid_dispute",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("payment_id", BigInt, nullable=False),
        sa.Column("amount_minor", BigInt, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "warning_needs_response",
                "warning_under_review",
                "warning_closed",
                "needs_response",
                "under_review",
                "won",
                "lost",
                "prevented",
                name="disputestate",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_dispute_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_dispute")),
    )
    op.create_index("ix_prepaid_dispute_payment_id", "prepaid_dispute", ["payment_id"])


def downgrade() -> None:
    op.drop_table("prepaid_dispute")
    op.drop_table("prepaid_refund")
    op.drop_table("prepaid_card")
    op.drop_column("prepaid_customer", "cards_fetched_at")
