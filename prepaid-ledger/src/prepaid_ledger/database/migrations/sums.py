"""The tables of what is added up, budgets and usage: a part of migration 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from .making import BigInt, create_in_one_piece, create_table


def create_budgets() -> None:
    create_in_one_piece(
        "prepaid_budget",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("spender", sa.String(length=64), nullable=False),
        sa.Column(
            "every",
            sa.Enum(
                "day",
                "week",
                "month",
                "ever",
                name="every",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("spent_here", BigInt, nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resets_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(every = 'ever') = (resets_at IS NULL) AND (every = 'ever') = (window_start IS NULL)",
            name=op.f("ck_prepaid_budget_window_unless_ever"),
        ),
        sa.CheckConstraint("credits >= 0", name=op.f("ck_prepaid_budget_credits_not_negative")),
        sa.CheckConstraint(
            "spender = '' OR spent_here >= 0", name=op.f("ck_prepaid_budget_spent_not_negative")
        ),
        sa.CheckConstraint(
            "typeof(credits) = 'integer' AND typeof(spent_here) = 'integer'",
            name=op.f("ck_prepaid_budget_whole_numbers"),
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_budget_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", "spender", "every", name=op.f("pk_prepaid_budget")),
    )


def create_usage() -> None:
    create_table(
        "prepaid_usage",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("quarter", BigInt, autoincrement=False, nullable=False),
        sa.Column("spender", sa.String(length=64), nullable=False),
        sa.Column("item", sa.String(length=64), nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("returned", BigInt, nullable=False),
        sa.Column("calls", BigInt, nullable=False),
        sa.CheckConstraint(
            "credits >= 0 AND returned >= 0 AND calls >= 0", name=op.f("ck_prepaid_usage_usage_not_negative")
        ),
        sa.CheckConstraint(
            "typeof(credits) = 'integer' AND typeof(returned) = 'integer' AND typeof(calls) = 'integer'",
            name=op.f("ck_prepaid_usage_whole_numbers"),
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_usage_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint(
            "wallet_id", "slot", "quarter", "spender", "item", name=op.f("pk_prepaid_usage")
        ),
    )
    create_in_one_piece(
        "prepaid_usage_mark",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_usage_mark_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", name=op.f("pk_prepaid_usage_mark")),
    )
