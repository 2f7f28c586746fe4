"""Sums of failures, and of what each customer was ever charged

Revision ID: 0016
Revises: 0015

A report of all failures looked each of them up, with what came of it; the best customers of all time were
added up from every charge. Both are kept as sums now.

`tick` counts the failures that there are. Locks prepaid_payment and prepaid_subscription_change for an
ALTER and an index each, prepaid_movement for two indexes. Back: drops it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BY_OWNER = ["currency", "category", "owner", "day", "amount_minor"]


def partial(name: str, table: str, column: str, only: str) -> None:
    op.create_index(name, table, [column], postgresql_where=sa.text(only), sqlite_where=sa.text(only))


def upgrade() -> None:
    for table in ("prepaid_payment", "prepaid_subscription_change"):
        op.add_column(
            table, sa.Column("failure_counted", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    waits = "failure IS NOT NULL AND NOT failure_counted"
    partial("ix_prepaid_payment_uncounted", "prepaid_payment", "created_at", waits)
    op.drop_index("ix_prepaid_subscription_change_past_due", "prepaid_subscription_change")
    waits = "state = 'past_due' AND NOT failure_counted"
    partial("ix_prepaid_subscription_change_past_due", "prepaid_subscription_change", "at", waits)
    op.drop_index("ix_prepaid_movement_owner", "prepaid_movement")
    op.create_index("ix_prepaid_movement_owner", "prepaid_movement", ["currency", "owner", "day"])
    by_day = ["currency", "category", "day", "owner", "amount_minor"]
    op.create_index("ix_prepaid_movement_day", "prepaid_movement", by_day)
    create_sums()


def create_sums() -> None:
    def numbers(*names: str) -> list[sa.Column[Any]]:
        return [sa.Column(name, BigInt, nullable=False) for name in names]

    op.create_table(
        "prepaid_failure_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *numbers("failed", "failed_minor", "recovered", "recovered_minor", "lost", "lost_minor"),
        sa.PrimaryKeyConstraint("day", "currency", name=op.f("pk_prepaid_failure_sum")),
    )
    op.create_table(
        "prepaid_owner_sum",
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        *numbers("gross_minor"),
        sa.PrimaryKeyConstraint("currency", "owner", name=op.f("pk_prepaid_owner_sum")),
    )
    op.execute(
        "INSERT INTO prepaid_owner_sum (currency, owner, gross_minor)"
        " SELECT currency, owner, sum(amount_minor) FROM prepaid_movement"
        " WHERE category = 'charge' AND owner <> '' GROUP BY currency, owner"
    )


def downgrade() -> None:
    for table in ("owner_sum", "failure_sum"):
        op.drop_table(f"prepaid_{table}")
    for name in ("day", "owner"):
        op.drop_index(f"ix_prepaid_movement_{name}", "prepaid_movement")
    op.create_index("ix_prepaid_movement_owner", "prepaid_movement", BY_OWNER)
    op.drop_index("ix_prepaid_subscription_change_past_due", "prepaid_subscription_change")
    partial(
        "ix_prepaid_subscription_change_past_due", "prepaid_subscription_change", "at", "state = 'past_due'"
    )
    op.drop_index("ix_prepaid_payment_uncounted", "prepaid_payment")
    for table in ("prepaid_subscription_change", "prepaid_payment"):
        op.drop_column(table, "failure_counted")
