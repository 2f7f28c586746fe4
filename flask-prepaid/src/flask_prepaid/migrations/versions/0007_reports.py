"""Sums by day for the reports, and how far the copy of Stripe's balance has come

Revision ID: 0007
Revises: 0006

A report over a million movements read every one of them, and a sync that was killed began anew. Each
movement now knows its payment, product and country, and the sums by day are kept as it is copied.

Empties the copy of Stripe's balance: the next `flask prepaid sync` fills it again, with what is new.
Nobody waits but reports. Back: drops the sums and empties the copy, as before.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.drop_table("prepaid_movement")
    op.create_table(
        "prepaid_movement",
        *movement_before(),
        sa.Column("intent_id", sa.String(length=255)),
        sa.Column("payment_id", BigInt),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_movement_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_movement")),
    )
    for column in ("day", "created_at", "intent_id", "payment_id"):
        op.create_index(f"ix_prepaid_movement_{column}", "prepaid_movement", [column])
    loose = sa.text("payment_id IS NULL AND intent_id IS NOT NULL")
    op.create_index(
        "ix_prepaid_movement_loose", "prepaid_movement", ["id"], postgresql_where=loose, sqlite_where=loose
    )
    op.create_table(
        "prepaid_day_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("movements", BigInt, nullable=False),
        sa.Column("amount_minor", BigInt, nullable=False),
        sa.Column("fee_minor", BigInt, nullable=False),
        sa.PrimaryKeyConstraint(
            "day", "currency", "category", "product", "country", name=op.f("pk_prepaid_day_sum")
        ),
    )
    op.create_table(
        "prepaid_copying",
        sa.Column("id", BigInt, autoincrement=False, nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("copied_to", sa.DateTime(timezone=True)),
        sa.Column("newest", sa.DateTime(timezone=True)),
        sa.Column("cursor", sa.String(length=255)),
        sa.Column("synced_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_copying")),
    )
    op.create_table(
        "prepaid_credit_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("entries", BigInt, nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("debt", BigInt, nullable=False),
        sa.Column("worth_minor", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("day", "kind", "currency", name=op.f("pk_prepaid_credit_sum")),
    )
    op.create_table(
        "prepaid_counted",
        sa.Column("wallet_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["prepaid_wallet.id"], name=op.f("fk_prepaid_counted_wallet_id")
        ),
        sa.PrimaryKeyConstraint("wallet_id", name=op.f("pk_prepaid_counted")),
    )


def downgrade() -> None:
    for table in ("counted", "credit_sum", "copying", "day_sum", "movement"):
        op.drop_table(f"prepaid_{table}")
    op.create_table(
        "prepaid_movement",
        *movement_before(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_movement")),
    )
    op.create_index("ix_prepaid_movement_day", "prepaid_movement", ["day"])
    op.create_index("ix_prepaid_movement_created_at", "prepaid_movement", ["created_at"])


def movement_before() -> list[sa.Column[Any]]:
    """The columns of a movement as of 0005."""
    return [
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", BigInt, nullable=False),
        sa.Column("fee_minor", BigInt, nullable=False),
        sa.Column("source", sa.String(length=255)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
    ]
