"""The tables of plans, their invoices and their history: a part of migration 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from .making import AT, BIG, partial_index, words

PLAN_STATES = (
    "requested open expired incomplete incomplete_expired trialing active past_due unpaid paused canceled"
)


def create_plans() -> None:
    op.create_table(
        "prepaid_plan_price",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("parts", BIG, nullable=False),
        sa.Column("once", BIG, nullable=False),
        sa.Column("roll_over", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("interval", sa.String(8), nullable=False),
        sa.Column("interval_count", BIG, nullable=False),
    )
    op.create_table(
        "prepaid_subscription",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", words("state", 24, PLAN_STATES), nullable=False),
        sa.Column("price_id", sa.String(255), sa.ForeignKey("prepaid_plan_price.id"), nullable=False),
        sa.Column("quantity", BIG, nullable=False),
        sa.Column("other_items", BIG, nullable=False),
        sa.Column("collects", sa.Boolean(), nullable=False),
        sa.Column("collects_again_at", AT),
        sa.Column("trial_days", BIG, nullable=False),
        sa.Column("trial_credits", BIG, nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("sent_digest", sa.String(40)),
        sa.Column("session_id", sa.String(255)),
        sa.Column("page_closed_at", AT),
        sa.Column("stripe_id", sa.String(255)),
        sa.Column("card_id", sa.String(255)),
        sa.Column("period_start", AT),
        sa.Column("period_end", AT),
        sa.Column("anchor_at", AT),
        sa.Column("trial_end", AT),
        sa.Column("trial_without_card", sa.String(32), nullable=False),
        sa.Column("cancel_at", AT),
        sa.Column("schedule_id", sa.String(255)),
        sa.Column("next_price_id", sa.String(255), sa.ForeignKey("prepaid_plan_price.id")),
        sa.Column("next_quantity", BIG),
        sa.Column("next_at", AT),
        sa.Column("pending_until", AT),
        sa.Column("ended_at", AT),
        sa.Column("end_reason", sa.String(32)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("fetched_at", AT),
        sa.Column("check_at", AT),
        sa.Column("checks", BIG, nullable=False),
        sa.CheckConstraint(
            "state <> 'expired' OR session_id IS NULL OR page_closed_at IS NOT NULL",
            name="expired_page_is_closed",
        ),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("session_id"),
        sa.UniqueConstraint("stripe_id"),
    )
    op.create_index("ix_prepaid_subscription_check_at", "prepaid_subscription", ["check_at"])
    op.create_index(
        "ix_prepaid_subscription_state_period_end", "prepaid_subscription", ["state", "period_end"]
    )
    op.create_index("ix_prepaid_subscription_owner_id", "prepaid_subscription", ["owner", "id"])
    partial_index(
        "uq_prepaid_subscription_running",
        "prepaid_subscription",
        ["owner"],
        only="state NOT IN ('expired', 'incomplete_expired', 'canceled')",
        unique=True,
    )


def create_history_of_plans() -> None:
    op.create_table(
        "prepaid_trial_card",
        sa.Column("fingerprint", sa.String(255), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("tried_at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_trial_card_owner", "prepaid_trial_card", ["owner"])
    op.create_table(
        "prepaid_invoice",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("subscription_id", BIG, sa.ForeignKey("prepaid_subscription.id"), nullable=False),
        sa.Column("stripe_id", sa.String(255), nullable=False),
        sa.Column("number", sa.String(64)),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("total_minor", BIG, nullable=False),
        sa.Column("due_minor", BIG, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("period_start", AT),
        sa.Column("period_end", AT),
        sa.Column("credits", BIG),
        sa.Column("given", BIG, nullable=False),
        sa.Column("once", BIG, nullable=False),
        sa.Column("once_key", sa.String(120)),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("per_period", BIG, nullable=False),
        sa.Column("payment_id", BIG, sa.ForeignKey("prepaid_payment.id")),
        sa.Column("page_url", sa.String(1024)),
        sa.Column("pdf_url", sa.String(1024)),
        sa.Column("retry_at", AT),
        sa.Column("under_way", sa.Boolean, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("paid_at", AT),
        sa.Column("fetched_at", AT, nullable=False),
        sa.UniqueConstraint("payment_id"),
        sa.UniqueConstraint("stripe_id"),
    )
    op.create_index(
        "ix_prepaid_invoice_subscription_id_created_at", "prepaid_invoice", ["subscription_id", "created_at"]
    )
    op.create_index("ix_prepaid_invoice_state", "prepaid_invoice", ["state"])
    create_months()
    op.create_table(
        "prepaid_subscription_change",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("subscription_id", BIG, sa.ForeignKey("prepaid_subscription.id"), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column(
            "move", words("move", 16, "new expansion contraction churn reactivation other"), nullable=False
        ),
        sa.Column("state", words("state", 24, PLAN_STATES), nullable=False),
        sa.Column("plan", sa.String(64), nullable=False),
        sa.Column("quantity", BIG, nullable=False),
        sa.Column("cancel_at", AT),
        sa.Column("next_price_id", sa.String(255)),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("mrr_before_minor", BIG, nullable=False),
        sa.Column("mrr_after_minor", BIG, nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("failure_counted", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_prepaid_subscription_change_at", "prepaid_subscription_change", ["at"])
    op.create_index("ix_prepaid_subscription_change_owner_id", "prepaid_subscription_change", ["owner", "id"])
    partial_index(
        "ix_prepaid_subscription_change_past_due",
        "prepaid_subscription_change",
        ["at"],
        only="state = 'past_due' AND NOT failure_counted",
    )
    partial_index(
        "ix_prepaid_subscription_change_uncounted", "prepaid_subscription_change", ["id"], only="NOT counted"
    )


def create_months() -> None:
    op.create_table(
        "prepaid_plan_month",
        sa.Column("invoice_id", BIG, sa.ForeignKey("prepaid_invoice.id"), primary_key=True),
        sa.Column("number", BIG, primary_key=True, autoincrement=False),
        sa.Column("subscription_id", BIG, sa.ForeignKey("prepaid_subscription.id"), nullable=False),
        sa.Column("starts_at", AT, nullable=False),
        sa.Column("ends_at", AT, nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("cut", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("withheld", sa.Boolean(), nullable=False),
        sa.Column("given", BIG),
        sa.Column("given_at", AT),
        sa.CheckConstraint("credits > 0 AND cut >= 0 AND cut <= credits", name="cut_within_credits"),
        sa.CheckConstraint("number > 1", name="number_after_first"),
    )
    partial_index(
        "ix_prepaid_plan_month_due",
        "prepaid_plan_month",
        ["starts_at"],
        only="given_at IS NULL AND NOT stopped",
    )
    op.create_index(
        "ix_prepaid_plan_month_subscription_id", "prepaid_plan_month", ["subscription_id", "starts_at"]
    )
    op.create_table(
        "prepaid_month_refund",
        sa.Column("invoice_id", BIG, sa.ForeignKey("prepaid_invoice.id"), primary_key=True),
        sa.Column("number", BIG, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("credits", BIG, nullable=False),
    )
