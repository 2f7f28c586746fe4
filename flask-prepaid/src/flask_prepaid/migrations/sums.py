"""The tables of what moved at Stripe and of the reports' sums: a part of migration 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from .making import AT, BIG, partial_index


def create_movements() -> None:
    op.create_table(
        "prepaid_movement",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("category", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("original_minor", BIG, nullable=False),
        sa.Column("fee_minor", BIG, nullable=False),
        sa.Column("net_minor", BIG, nullable=False),
        sa.Column("discount_minor", BIG, nullable=False),
        sa.Column("tax_minor", BIG, nullable=False),
        sa.Column("source", sa.String(255)),
        sa.Column("intent_id", sa.String(255)),
        sa.Column("payment_id", BIG, sa.ForeignKey("prepaid_payment.id")),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("taxed", sa.String(32), nullable=False, server_default=""),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
    )
    op.create_index("ix_prepaid_movement_created_at", "prepaid_movement", ["created_at"])
    by_day = ["currency", "category", "day", "owner", "amount_minor"]
    op.create_index("ix_prepaid_movement_day", "prepaid_movement", by_day)
    op.create_index("ix_prepaid_movement_intent_id", "prepaid_movement", ["intent_id"])
    loose = "payment_id IS NULL AND intent_id IS NOT NULL"
    partial_index("ix_prepaid_movement_loose", "prepaid_movement", ["id"], only=loose)
    op.create_index("ix_prepaid_movement_owner", "prepaid_movement", ["currency", "owner", "day"])
    op.create_index("ix_prepaid_movement_payment_id", "prepaid_movement", ["payment_id"])
    op.create_table(
        "prepaid_day_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("category", sa.String(64), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("taxed", sa.String(32), nullable=False, server_default=""),
        sa.Column("movements", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("fee_minor", BIG, nullable=False),
        sa.Column("discount_minor", BIG, nullable=False),
        sa.Column("tax_minor", BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "currency", "category", "product", "country", "taxed"),
    )
    op.create_table(
        "prepaid_owner_sum",
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("gross_minor", BIG, nullable=False),
        sa.PrimaryKeyConstraint("currency", "owner"),
    )
    op.create_table(
        "prepaid_copying",
        sa.Column("id", BIG, autoincrement=False, primary_key=True),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("copied_to", AT),
        sa.Column("newest", AT),
        sa.Column("cursor", sa.String(255)),
        sa.Column("synced_at", AT),
        sa.Column("clock_off_s", BIG),
        sa.Column("counted_to", AT),
        sa.Column("ticked_at", AT),
        sa.Column("away_since", AT),
    )


def create_sums() -> None:
    op.create_table(
        "prepaid_credit_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("entries", BIG, nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("debt", BIG, nullable=False),
        sa.Column("worth_minor", BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "kind", "currency"),
    )
    op.create_table(
        "prepaid_counted",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.PrimaryKeyConstraint("wallet_id", "slot"),
        sa.ForeignKeyConstraint(["wallet_id", "slot"], ["prepaid_wallet.id", "prepaid_wallet.slot"]),
    )
    op.create_table(
        "prepaid_plan_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("move", sa.String(16), nullable=False),
        sa.Column("changes", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("customers", BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "currency", "move"),
    )
    op.create_table(
        "prepaid_cohort_sum",
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("began", sa.Date(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("customers", BIG, nullable=False),
        sa.Column("newcomers", BIG, nullable=False),
        sa.PrimaryKeyConstraint("currency", "began", "month"),
    )
    op.create_table(
        "prepaid_failure_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("failed", BIG, nullable=False),
        sa.Column("failed_minor", BIG, nullable=False),
        sa.Column("recovered", BIG, nullable=False),
        sa.Column("recovered_minor", BIG, nullable=False),
        sa.Column("lost", BIG, nullable=False),
        sa.Column("lost_minor", BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "currency"),
    )
