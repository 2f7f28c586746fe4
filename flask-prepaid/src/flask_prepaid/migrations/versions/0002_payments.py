"""Customers, payments and the inbox

Revision ID: 0002
Revises: 0001

Locks nothing that was there before. Back: drops the tables; what was paid is then known to Stripe alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "prepaid_customer",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=True),
        sa.Column("default_card_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_prepaid_customer")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_customer_idempotency_key")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_customer_stripe_id")),
    )
    op.create_table(
        "prepaid_payment",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column(
            "via",
            sa.Enum(
                "checkout", "card", "topup", name="via", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "open",
                "pending",
                "paid",
                "failed",
                "expired",
                "unknown",
                "needs_review",
                name="paymentstate",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("pack", sa.String(length=64), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("expires_after_s", BigInt, nullable=True),
        sa.Column("amount_minor", BigInt, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("paid_minor", BigInt, nullable=True),
        sa.Column("refunded_minor", BigInt, nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("session_id", sa.String(length=255), nullable=True),
        sa.Column("payment_intent_id", sa.String(length=255), nullable=True),
        sa.Column("charge_id", sa.String(length=255), nullable=True),
        sa.Column("invoice_id", sa.String(length=255), nullable=True),
        sa.Column("card_id", sa.String(length=255), nullable=True),
        sa.Column("receipt_url", sa.String(length=1024), nullable=True),
        sa.Column("failure", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks", BigInt, nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_prepaid_payment_amount_not_negative")),
        sa.CheckConstraint("credits > 0", name=op.f("ck_prepaid_payment_credits_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_payment")),
        sa.UniqueConstraint("charge_id", name=op.f("uq_prepaid_payment_charge_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_payment_idempotency_key")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_prepaid_payment_invoice_id")),
        sa.UniqueConstraint("payment_intent_id", name=op.f("uq_prepaid_payment_payment_intent_id")),
        sa.UniqueConstraint("session_id", name=op.f("uq_prepaid_payment_session_id")),
    )
    op.create_index("ix_prepaid_payment_check_at", "prepaid_payment", ["check_at"], unique=False)
    op.create_index("ix_prepaid_payment_owner_id", "prepaid_payment", ["owner", "id"], unique=False)
    op.create_table(
        "prepaid_inbox",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=True),
        sa.Column("api_version", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=255), nullable=True),
        sa.Column("attempts", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_inbox")),
    )


def downgrade() -> None:
    op.drop_table("prepaid_inbox")
    op.drop_table("prepaid_payment")
    op.drop_table("prepaid_customer")
