"""The extension's tables: customers, payments, plans, the inbox and the reports' sums

Revision ID: 0001
Revises:

They stand beside the ledger's, which has migrations of its own and comes first: a row of the reports
refers to a wallet.

Locks nothing that was there before. Back: drops the tables; what was paid is then known to Stripe alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

AT = sa.DateTime(timezone=True)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: In the order in which they refer to each other.
TABLES = (
    "customer",
    "card",
    "topup",
    "notice",
    "attempt",
    "payment",
    "refund",
    "dispute",
    "inbox",
    "comparison",
    "plan_price",
    "subscription",
    "trial_card",
    "invoice",
    "subscription_change",
    "movement",
    "day_sum",
    "owner_sum",
    "copying",
    "credit_sum",
    "counted",
    "plan_sum",
    "cohort_sum",
    "failure_sum",
)


def upgrade() -> None:
    create_customers()
    create_payments()
    create_inbox()
    create_plans()
    create_history_of_plans()
    create_movements()
    create_sums()


def create_customers() -> None:
    op.create_table(
        "prepaid_customer",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("stripe_id", sa.String(length=255)),
        sa.Column("default_card_id", sa.String(length=255)),
        sa.Column("cards_fetched_at", AT),
        sa.Column("created_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_prepaid_customer")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_customer_idempotency_key")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_customer_stripe_id")),
    )
    op.create_table(
        "prepaid_card",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("brand", sa.String(length=32), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("exp_month", BIG, nullable=False),
        sa.Column("exp_year", BIG, nullable=False),
        sa.Column("name", sa.String(length=255)),
        sa.Column("fingerprint", sa.String(length=255)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_card")),
    )
    op.create_index("ix_prepaid_card_fingerprint", "prepaid_card", ["fingerprint"])
    op.create_index("ix_prepaid_card_owner", "prepaid_card", ["owner"])
    op.create_table(
        "prepaid_topup",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("pack", sa.String(length=64), nullable=False),
        sa.Column("threshold", BIG, nullable=False),
        sa.Column("ceiling_minor", BIG, nullable=False),
        sa.Column("after_payment", BIG, nullable=False),
        sa.Column("stopped", sa.String(length=255)),
        sa.CheckConstraint("threshold > 0", name=op.f("ck_prepaid_topup_threshold_positive")),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_prepaid_topup")),
    )
    op.create_table(
        "prepaid_notice",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=False),
        sa.Column("told_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("owner", "about", name=op.f("pk_prepaid_notice")),
    )
    op.create_table(
        "prepaid_attempt",
        sa.Column("id", BIG, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64)),
        sa.Column("at", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_attempt")),
    )
    op.create_index("ix_prepaid_attempt_address_at", "prepaid_attempt", ["address", "at"])
    op.create_index("ix_prepaid_attempt_at", "prepaid_attempt", ["at"])
    op.create_index("ix_prepaid_attempt_owner_at", "prepaid_attempt", ["owner", "at"])


def create_payments() -> None:
    op.create_table(
        "prepaid_payment",
        sa.Column("id", BIG, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column(
            "via",
            sa.Enum(
                "checkout",
                "card",
                "topup",
                "plan",
                name="via",
                native_enum=False,
                create_constraint=True,
                length=16,
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
                "set_aside",
                name="paymentstate",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("pack", sa.String(length=64)),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("expires_after_s", BIG),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("paid_minor", BIG),
        sa.Column("discount_minor", BIG, nullable=False, server_default="0"),
        sa.Column("tax_minor", BIG, nullable=False, server_default="0"),
        sa.Column("refunded_minor", BIG, nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("session_id", sa.String(length=255)),
        sa.Column("payment_intent_id", sa.String(length=255)),
        sa.Column("charge_id", sa.String(length=255)),
        sa.Column("invoice_id", sa.String(length=255)),
        sa.Column("card_id", sa.String(length=255)),
        sa.Column("receipt_url", sa.String(length=1024)),
        sa.Column("failure", sa.String(length=255)),
        sa.Column("failure_counted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("paid_at", AT),
        sa.Column("fetched_at", AT),
        sa.Column("look_at", AT),
        sa.Column("looks", BIG, nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_prepaid_payment_amount_not_negative")),
        sa.CheckConstraint("credits > 0", name=op.f("ck_prepaid_payment_credits_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_payment")),
        sa.UniqueConstraint("charge_id", name=op.f("uq_prepaid_payment_charge_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_payment_idempotency_key")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_prepaid_payment_invoice_id")),
        sa.UniqueConstraint("payment_intent_id", name=op.f("uq_prepaid_payment_payment_intent_id")),
        sa.UniqueConstraint("session_id", name=op.f("uq_prepaid_payment_session_id")),
    )
    op.create_index("ix_prepaid_payment_created_at", "prepaid_payment", ["created_at"])
    op.create_index(
        "ix_prepaid_payment_failure",
        "prepaid_payment",
        ["created_at"],
        postgresql_where=sa.text("failure IS NOT NULL"),
        sqlite_where=sa.text("failure IS NOT NULL"),
    )
    op.create_index("ix_prepaid_payment_look_at", "prepaid_payment", ["look_at"])
    op.create_index("ix_prepaid_payment_owner_id", "prepaid_payment", ["owner", "id"])
    op.create_index(
        "ix_prepaid_payment_uncounted",
        "prepaid_payment",
        ["created_at"],
        postgresql_where=sa.text("failure IS NOT NULL AND NOT failure_counted"),
        sqlite_where=sa.text("failure IS NOT NULL AND NOT failure_counted"),
    )
    op.create_table(
        "prepaid_refund",
        sa.Column("id", BIG, nullable=False),
        sa.Column("payment_id", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=255)),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("stripe_id", sa.String(length=255)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("fetched_at", AT),
        sa.Column("look_at", AT),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_prepaid_refund_amount_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_refund_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_refund")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_refund_idempotency_key")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_refund_stripe_id")),
    )
    op.create_index("ix_prepaid_refund_look_at", "prepaid_refund", ["look_at"])
    op.create_index("ix_prepaid_refund_payment_id", "prepaid_refund", ["payment_id"])
    op.create_table(
        "prepaid_dispute",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("payment_id", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("fetched_at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_dispute_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_dispute")),
    )
    op.create_index("ix_prepaid_dispute_payment_id", "prepaid_dispute", ["payment_id"])


def create_inbox() -> None:
    op.create_table(
        "prepaid_inbox",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("object_id", sa.String(length=255)),
        sa.Column("api_version", sa.String(length=64)),
        sa.Column("livemode", sa.Boolean()),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("received_at", AT, nullable=False),
        sa.Column("handled_at", AT),
        sa.Column("outcome", sa.String(length=255)),
        sa.Column("attempts", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_inbox")),
    )
    op.create_index("ix_prepaid_inbox_object_id", "prepaid_inbox", ["object_id"])
    op.create_index("ix_prepaid_inbox_received_at", "prepaid_inbox", ["received_at", "id"])
    op.create_index(
        "ix_prepaid_inbox_waiting",
        "prepaid_inbox",
        ["received_at"],
        postgresql_where=sa.text("handled_at IS NULL"),
        sqlite_where=sa.text("handled_at IS NULL"),
    )
    op.create_table(
        "prepaid_comparison",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("since", AT),
        sa.Column("drift", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_comparison")),
    )


def create_plans() -> None:
    op.create_table(
        "prepaid_plan_price",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("roll_over", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("interval", sa.String(length=8), nullable=False),
        sa.Column("interval_count", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_plan_price")),
    )
    op.create_table(
        "prepaid_subscription",
        sa.Column("id", BIG, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "open",
                "expired",
                "incomplete",
                "incomplete_expired",
                "trialing",
                "active",
                "past_due",
                "unpaid",
                "paused",
                "canceled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("price_id", sa.String(length=255), nullable=False),
        sa.Column("quantity", BIG, nullable=False),
        sa.Column("other_items", BIG, nullable=False, server_default="0"),
        sa.Column("collects", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("collects_again_at", AT),
        sa.Column("trial_days", BIG, nullable=False),
        sa.Column("trial_credits", BIG, nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("session_id", sa.String(length=255)),
        sa.Column("page_closed_at", AT),
        sa.Column("stripe_id", sa.String(length=255)),
        sa.Column("card_id", sa.String(length=255)),
        sa.Column("period_start", AT),
        sa.Column("period_end", AT),
        sa.Column("trial_end", AT),
        sa.Column("cancel_at", AT),
        sa.Column("schedule_id", sa.String(length=255)),
        sa.Column("next_price_id", sa.String(length=255)),
        sa.Column("next_quantity", BIG),
        sa.Column("next_at", AT),
        sa.Column("pending_until", AT),
        sa.Column("ended_at", AT),
        sa.Column("end_reason", sa.String(length=32)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("fetched_at", AT),
        sa.Column("look_at", AT),
        sa.Column("looks", BIG, nullable=False),
        sa.CheckConstraint(
            "state <> 'expired' OR session_id IS NULL OR page_closed_at IS NOT NULL",
            name=op.f("ck_prepaid_subscription_expired_page_is_closed"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_prepaid_subscription_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["next_price_id"], ["prepaid_plan_price.id"], name=op.f("fk_prepaid_subscription_next_price_id")
        ),
        sa.ForeignKeyConstraint(
            ["price_id"], ["prepaid_plan_price.id"], name=op.f("fk_prepaid_subscription_price_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_subscription")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_subscription_idempotency_key")),
        sa.UniqueConstraint("session_id", name=op.f("uq_prepaid_subscription_session_id")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_subscription_stripe_id")),
    )
    op.create_index("ix_prepaid_subscription_look_at", "prepaid_subscription", ["look_at"])
    op.create_index("ix_prepaid_subscription_owner_id", "prepaid_subscription", ["owner", "id"])
    op.create_index(
        "uq_prepaid_subscription_running",
        "prepaid_subscription",
        ["owner"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('expired', 'incomplete_expired', 'canceled')"),
        sqlite_where=sa.text("state NOT IN ('expired', 'incomplete_expired', 'canceled')"),
    )


def create_history_of_plans() -> None:
    op.create_table(
        "prepaid_trial_card",
        sa.Column("fingerprint", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("tried_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_prepaid_trial_card")),
    )
    op.create_index("ix_prepaid_trial_card_owner", "prepaid_trial_card", ["owner"])
    op.create_table(
        "prepaid_invoice",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subscription_id", BIG, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=64)),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("total_minor", BIG, nullable=False),
        sa.Column("due_minor", BIG, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("period_start", AT),
        sa.Column("period_end", AT),
        sa.Column("credits", BIG),
        sa.Column("payment_id", BIG),
        sa.Column("page_url", sa.String(length=1024)),
        sa.Column("pdf_url", sa.String(length=1024)),
        sa.Column("retry_at", AT),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("paid_at", AT),
        sa.Column("fetched_at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_invoice_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["prepaid_subscription.id"], name=op.f("fk_prepaid_invoice_subscription_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_invoice")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_prepaid_invoice_payment_id")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_invoice_stripe_id")),
    )
    op.create_index(
        "ix_prepaid_invoice_subscription_id_created_at", "prepaid_invoice", ["subscription_id", "created_at"]
    )
    op.create_table(
        "prepaid_subscription_change",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subscription_id", BIG, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column(
            "move",
            sa.Enum(
                "new",
                "expansion",
                "contraction",
                "churn",
                "reactivation",
                "other",
                name="move",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "requested",
                "open",
                "expired",
                "incomplete",
                "incomplete_expired",
                "trialing",
                "active",
                "past_due",
                "unpaid",
                "paused",
                "canceled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("quantity", BIG, nullable=False),
        sa.Column("cancel_at", AT),
        sa.Column("next_price_id", sa.String(length=255)),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("mrr_before_minor", BIG, nullable=False),
        sa.Column("mrr_after_minor", BIG, nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("failure_counted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["prepaid_subscription.id"],
            name=op.f("fk_prepaid_subscription_change_subscription_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_subscription_change")),
    )
    op.create_index("ix_prepaid_subscription_change_at", "prepaid_subscription_change", ["at"])
    op.create_index("ix_prepaid_subscription_change_owner_id", "prepaid_subscription_change", ["owner", "id"])
    op.create_index(
        "ix_prepaid_subscription_change_past_due",
        "prepaid_subscription_change",
        ["at"],
        postgresql_where=sa.text("state = 'past_due' AND NOT failure_counted"),
        sqlite_where=sa.text("state = 'past_due' AND NOT failure_counted"),
    )
    op.create_index(
        "ix_prepaid_subscription_change_uncounted",
        "prepaid_subscription_change",
        ["id"],
        postgresql_where=sa.text("NOT counted"),
        sqlite_where=sa.text("NOT counted"),
    )


def create_movements() -> None:
    op.create_table(
        "prepaid_movement",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("fee_minor", BIG, nullable=False),
        sa.Column("net_minor", BIG, nullable=False, server_default="0"),
        sa.Column("discount_minor", BIG, nullable=False, server_default="0"),
        sa.Column("tax_minor", BIG, nullable=False, server_default="0"),
        sa.Column("source", sa.String(length=255)),
        sa.Column("intent_id", sa.String(length=255)),
        sa.Column("payment_id", BIG),
        sa.Column("owner", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_movement_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_movement")),
    )
    op.create_index("ix_prepaid_movement_created_at", "prepaid_movement", ["created_at"])
    op.create_index(
        "ix_prepaid_movement_day",
        "prepaid_movement",
        ["currency", "category", "day", "owner", "amount_minor"],
    )
    op.create_index("ix_prepaid_movement_intent_id", "prepaid_movement", ["intent_id"])
    op.create_index(
        "ix_prepaid_movement_loose",
        "prepaid_movement",
        ["id"],
        postgresql_where=sa.text("payment_id IS NULL AND intent_id IS NOT NULL"),
        sqlite_where=sa.text("payment_id IS NULL AND intent_id IS NOT NULL"),
    )
    op.create_index("ix_prepaid_movement_owner", "prepaid_movement", ["currency", "owner", "day"])
    op.create_index("ix_prepaid_movement_payment_id", "prepaid_movement", ["payment_id"])
    op.create_table(
        "prepaid_day_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("movements", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("fee_minor", BIG, nullable=False),
        sa.Column("discount_minor", BIG, nullable=False, server_default="0"),
        sa.Column("tax_minor", BIG, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint(
            "day", "currency", "category", "product", "country", name=op.f("pk_prepaid_day_sum")
        ),
    )
    op.create_table(
        "prepaid_owner_sum",
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("gross_minor", BIG, nullable=False),
        sa.PrimaryKeyConstraint("currency", "owner", name=op.f("pk_prepaid_owner_sum")),
    )
    op.create_table(
        "prepaid_copying",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("copied_to", AT),
        sa.Column("newest", AT),
        sa.Column("cursor", sa.String(length=255)),
        sa.Column("synced_at", AT),
        sa.Column("clock_off_s", BIG),
        sa.Column("counted_to", AT),
        sa.Column("ticked_at", AT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_copying")),
    )


def create_sums() -> None:
    op.create_table(
        "prepaid_credit_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("entries", BIG, nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("debt", BIG, nullable=False),
        sa.Column("worth_minor", BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "kind", "currency", name=op.f("pk_prepaid_credit_sum")),
    )
    op.create_table(
        "prepaid_counted",
        sa.Column("wallet_id", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["prepaid_wallet.id"], name=op.f("fk_prepaid_counted_wallet_id")
        ),
        sa.PrimaryKeyConstraint("wallet_id", name=op.f("pk_prepaid_counted")),
    )
    op.create_table(
        "prepaid_plan_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("move", sa.String(length=16), nullable=False),
        sa.Column("changes", BIG, nullable=False),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("customers", BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "currency", "move", name=op.f("pk_prepaid_plan_sum")),
    )
    op.create_table(
        "prepaid_cohort_sum",
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("began", sa.Date(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("customers", BIG, nullable=False),
        sa.Column("newcomers", BIG, nullable=False),
        sa.PrimaryKeyConstraint("currency", "began", "month", name=op.f("pk_prepaid_cohort_sum")),
    )
    op.create_table(
        "prepaid_failure_sum",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("failed", BIG, nullable=False),
        sa.Column("failed_minor", BIG, nullable=False),
        sa.Column("recovered", BIG, nullable=False),
        sa.Column("recovered_minor", BIG, nullable=False),
        sa.Column("lost", BIG, nullable=False),
        sa.Column("lost_minor", BIG, nullable=False),
        sa.PrimaryKeyConstraint("day", "currency", name=op.f("pk_prepaid_failure_sum")),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(f"prepaid_{table}")
