"""Discounts, tax and customers in the sales, sums of plans by day, and how far all of it has come

Revision ID: 0010
Revises: 0009

An accountant asks for what was discounted and how much of the money was tax, and who paid it. The best
customers of a year, the monthly revenue and the cohorts were computed from every row there is; their sums
are now kept by day. What the last comparison with Stripe found is kept for the operator's page.

Empties the copy of Stripe's balance: the next `flask prepaid sync`, or tick, fills it again. Discounts
and tax of payments that are settled already stay zero, for Stripe is not asked about them again. Locks
prepaid_payment and prepaid_subscription_change for an ALTER each. Back: drops all of it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EMPTIED = ("prepaid_movement", "prepaid_day_sum", "prepaid_copying")


def upgrade() -> None:
    empty_the_copy()
    for table in ("prepaid_movement", "prepaid_day_sum", "prepaid_payment"):
        for column in ("discount_minor", "tax_minor"):
            op.add_column(table, sa.Column(column, BigInt, nullable=False, server_default="0"))
    op.add_column("prepaid_movement", sa.Column("net_minor", BigInt, nullable=False, server_default="0"))
    op.add_column("prepaid_movement", sa.Column("owner", sa.String(64), nullable=False, server_default=""))
    op.drop_index("ix_prepaid_movement_day", "prepaid_movement")
    op.create_index(
        "ix_prepaid_movement_owner",
        "prepaid_movement",
        ["currency", "category", "owner", "day", "amount_minor"],
    )
    failed = sa.text("failure IS NOT NULL")
    op.create_index(
        "ix_prepaid_payment_failure",
        "prepaid_payment",
        ["created_at"],
        postgresql_where=failed,
        sqlite_where=failed,
    )
    for column, type in (
        ("clock_off_s", BigInt),
        ("counted_to", sa.DateTime(timezone=True)),
        ("ticked_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("prepaid_copying", sa.Column(column, type))
    op.add_column(
        "prepaid_subscription_change",
        sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    for name, column, only in (("uncounted", "id", "NOT counted"), ("past_due", "at", "state = 'past_due'")):
        op.create_index(
            f"ix_prepaid_subscription_change_{name}",
            "prepaid_subscription_change",
            [column],
            postgresql_where=sa.text(only),
            sqlite_where=sa.text(only),
        )
    create_sums()


def empty_the_copy() -> None:
    for table in EMPTIED:
        op.execute(f"DELETE FROM {table}")


def create_sums() -> None:
    def numbers(*names: str) -> list[sa.Column[Any]]:
        return [sa.Column(name, BigInt, nullable=False) for name in names]

    op.create_table(
        "prepaid_plan_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("move", sa.String(16), nullable=False),
        *numbers("changes", "amount_minor", "customers"),
        sa.PrimaryKeyConstraint("day", "currency", "move", name=op.f("pk_prepaid_plan_sum")),
    )
    op.create_table(
        "prepaid_cohort_sum",
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("began", sa.Date(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        *numbers("customers", "newcomers"),
        sa.PrimaryKeyConstraint("currency", "began", "month", name=op.f("pk_prepaid_cohort_sum")),
    )
    op.create_table(
        "prepaid_comparison",
        sa.Column("id", BigInt, autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("drift", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_comparison")),
    )


def downgrade() -> None:
    empty_the_copy()
    for table in ("comparison", "cohort_sum", "plan_sum"):
        op.drop_table(f"prepaid_{table}")
    for name in ("uncounted", "past_due"):
        op.drop_index(f"ix_prepaid_subscription_change_{name}", "prepaid_subscription_change")
    op.drop_column("prepaid_subscription_change", "counted")
    for column in ("clock_off_s", "counted_to", "ticked_at"):
        op.drop_column("prepaid_copying", column)
    op.drop_index("ix_prepaid_payment_failure", "prepaid_payment")
    op.drop_index("ix_prepaid_movement_owner", "prepaid_movement")
    op.create_index("ix_prepaid_movement_day", "prepaid_movement", ["day"])
    for column in ("net_minor", "owner"):
        op.drop_column("prepaid_movement", column)
    for table in ("prepaid_movement", "prepaid_day_sum", "prepaid_payment"):
        for column in ("discount_minor", "tax_minor"):
            op.drop_column(table, column)
