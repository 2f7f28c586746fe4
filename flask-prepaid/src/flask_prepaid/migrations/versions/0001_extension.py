"""The extension's tables: customers, API keys, payments, plans, the inbox and the reports' sums

Revision ID: 0001
Revises:

They stand beside the ledger's, which has migrations of its own and comes first: a row of the reports
refers to a wallet.

Locks nothing that was there before. Back: drops the tables; what was paid is then known to Stripe alone.
"""

import sqlalchemy as sa
from alembic import op

from flask_prepaid.migrations.codes import create_codes
from flask_prepaid.migrations.customers import create_customers
from flask_prepaid.migrations.making import AT, BIG, partial_index, words
from flask_prepaid.migrations.outbox import create_outbox
from flask_prepaid.migrations.plans import create_history_of_plans, create_plans
from flask_prepaid.migrations.sums import create_movements, create_sums

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: In the order in which they refer to each other.
TABLES = (
    "customer former_customer unwanted_customer unanswered_customer card topup notice attempt"
    " operator_day operator_note payment review part_charge refund dispute credit_note balance_paid"
    " carried_over fraud_warning refusal paid_request code code_claim code_guess message delivery"
    " endpoint mail alert crossing inbox comparison api_key sale_request"
    " plan_price subscription trial_card invoice plan_month month_refund subscription_change"
    " movement day_sum owner_sum copying credit_sum counted plan_sum cohort_sum failure_sum"
)


def upgrade() -> None:
    create_customers()
    create_keys()
    create_payments()
    create_refusals()
    create_codes()
    create_outbox()
    create_inbox()
    create_plans()
    create_history_of_plans()
    create_movements()
    create_sums()


def create_keys() -> None:
    op.create_table(
        "prepaid_api_key",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("start", sa.String(12), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT),
        sa.Column("last_used_at", AT),
        sa.Column("revoked_at", AT),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_prepaid_api_key_owner", "prepaid_api_key", ["owner"])
    named = ["owner", "name"]
    partial_index(
        "uq_prepaid_api_key_owner_name", "prepaid_api_key", named, only="revoked_at IS NULL", unique=True
    )
    op.create_table(
        "prepaid_sale_request",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("sale_id", sa.String(17), nullable=False),
        sa.Column("request", sa.String(32), nullable=False),
        sa.Column("at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_sale_request_at", "prepaid_sale_request", ["at"])


def create_payments() -> None:
    op.create_table(
        "prepaid_payment",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("via", words("via", 16, "checkout card topup plan"), nullable=False),
        sa.Column(
            "state",
            words("paymentstate", 16, "requested open pending paid failed expired unknown needs_review"),
            nullable=False,
        ),
        sa.Column("pack", sa.String(64)),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("expires_after_s", BIG),
        sa.Column("amount_minor", BIG, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("due_minor", BIG),
        sa.Column("paid_minor", BIG),
        sa.Column("charged_minor", BIG, nullable=False),
        sa.Column("discount_minor", BIG, nullable=False),
        sa.Column("tax_minor", BIG, nullable=False),
        sa.Column("refunded_minor", BIG, nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("sent_digest", sa.String(40)),
        sa.Column("session_id", sa.String(255)),
        sa.Column("payment_intent_id", sa.String(255)),
        sa.Column("charge_id", sa.String(255)),
        sa.Column("invoice_id", sa.String(255)),
        sa.Column("invoice_number", sa.String(64)),
        sa.Column("taxed", sa.String(32), nullable=False),
        sa.Column("card_id", sa.String(255)),
        sa.Column("brand", sa.String(32)),
        sa.Column("last4", sa.String(4)),
        sa.Column("receipt_url", sa.String(1024)),
        sa.Column("failure", sa.String(255)),
        sa.Column("failure_counted", sa.Boolean(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("paid_at", AT),
        sa.Column("fetched_at", AT),
        sa.Column("check_at", AT),
        sa.Column("checks", BIG, nullable=False),
        sa.Column("reviewed_at", AT),
        sa.Column("review", sa.String(255)),
        sa.CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        sa.CheckConstraint("credits > 0 OR (credits = 0 AND via = 'plan')", name="credits_positive"),
        sa.UniqueConstraint("charge_id"),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("invoice_id"),
        sa.UniqueConstraint("payment_intent_id"),
        sa.UniqueConstraint("session_id"),
    )
    op.create_index("ix_prepaid_payment_created_at", "prepaid_payment", ["created_at"])
    partial_index("ix_prepaid_payment_failure", "prepaid_payment", ["created_at"], only="failure IS NOT NULL")
    op.create_index("ix_prepaid_payment_check_at", "prepaid_payment", ["check_at"])
    op.create_index("ix_prepaid_payment_state", "prepaid_payment", ["state"])
    op.create_index("ix_prepaid_payment_owner_id", "prepaid_payment", ["owner", "id"])
    partial_index(
        "ix_prepaid_payment_uncounted",
        "prepaid_payment",
        ["created_at"],
        only="failure IS NOT NULL AND NOT failure_counted",
    )
    op.create_table(
        "prepaid_review",
        sa.Column(
            "payment_id", BIG, sa.ForeignKey("prepaid_payment.id"), autoincrement=False, primary_key=True
        ),
        sa.Column("stripe_id", sa.String(255), primary_key=True),
        sa.Column("payment_intent_id", sa.String(255)),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.Column("is_foreign", sa.Boolean(), nullable=False),
        sa.Column("sent_back", sa.Boolean(), nullable=False),
        sa.Column("called_at", AT, nullable=False),
        sa.Column("fetched_at", AT, nullable=False),
        sa.Column("reviewed_at", AT),
        sa.Column("review", sa.String(255)),
    )
    op.create_index("ix_prepaid_review_payment_intent_id", "prepaid_review", ["payment_intent_id"])
    op.create_table(
        "prepaid_part_charge",
        sa.Column("payment_intent_id", sa.String(255), primary_key=True),
        sa.Column("payment_id", BIG, sa.ForeignKey("prepaid_payment.id"), nullable=False),
        sa.Column("charged_minor", BIG, nullable=False),
    )
    op.create_index("ix_prepaid_part_charge_payment_id", "prepaid_part_charge", ["payment_id"])
    op.create_table(
        "prepaid_refund",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("payment_id", BIG, sa.ForeignKey("prepaid_payment.id"), nullable=False),
        sa.Column("payment_intent_id", sa.String(255), nullable=False),
        sa.Column("asked_minor", BIG),
        sa.Column("asked_charge", sa.String(255)),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("stripe_id", sa.String(255)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("fetched_at", AT),
        sa.Column("check_at", AT),
        *taking_back(),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("stripe_id"),
    )
    op.create_index("ix_prepaid_refund_check_at", "prepaid_refund", ["check_at"])
    op.create_index("ix_prepaid_refund_payment_id", "prepaid_refund", ["payment_id"])
    table_of_payment(
        "prepaid_dispute",
        sa.Column("payment_intent_id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("evidence_due_at", AT),
        sa.Column("end_plan_at", AT),
        *taking_back(),
    )
    op.create_index("ix_prepaid_dispute_payment_intent_id", "prepaid_dispute", ["payment_intent_id"])
    partial_index("ix_prepaid_dispute_untaken", "prepaid_dispute", ["payment_id"], only="taken_minor = 0")
    partial_index(
        "ix_prepaid_dispute_end_plan_at", "prepaid_dispute", ["end_plan_at"], only="end_plan_at IS NOT NULL"
    )
    table_of_payment(
        "prepaid_credit_note",
        sa.Column("outside_minor", BIG, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        *taking_back(),
    )
    table_of_earlier_money("prepaid_balance_paid")
    table_of_earlier_money(
        "prepaid_carried_over",
        sa.Column("credits", BIG, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint("credits >= 0", name="credits_not_negative"),
    )
    table_of_payment(
        "prepaid_fraud_warning",
        sa.Column("payment_intent_id", sa.String(255), nullable=False),
        sa.Column("fraud_type", sa.String(64), nullable=False),
        sa.Column("actionable", sa.Boolean(), nullable=False),
        sa.Column("end_plan_at", AT),
    )
    partial_index(
        "ix_prepaid_fraud_warning_end_plan_at",
        "prepaid_fraud_warning",
        ["end_plan_at"],
        only="end_plan_at IS NOT NULL",
    )
    partial_index(
        "ix_prepaid_fraud_warning_actionable", "prepaid_fraud_warning", ["created_at"], only="actionable"
    )


def table_of_payment(name: str, *columns: sa.schema.SchemaItem) -> None:
    """A table of what banks and operators say of payments, by the id that it has at Stripe."""
    op.create_table(
        name,
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("payment_id", BIG, sa.ForeignKey("prepaid_payment.id"), nullable=False),
        *columns,
        sa.Column("created_at", AT, nullable=False),
        sa.Column("fetched_at", AT, nullable=False),
    )
    op.create_index(f"ix_{name}_payment_id", name, ["payment_id"])


def table_of_earlier_money(name: str, *columns: sa.schema.SchemaItem) -> None:
    """A table of what earlier money has paid of payments, which ``tick`` looks at again."""
    op.create_table(
        name,
        sa.Column(
            "payment_id", BIG, sa.ForeignKey("prepaid_payment.id"), autoincrement=False, primary_key=True
        ),
        sa.Column("at", AT, nullable=False),
        sa.Column("changes", BIG, nullable=False),
        sa.Column("seen", BIG, nullable=False),
        *taking_back(),
        *columns,
    )
    partial_index(f"ix_{name}_due", name, ["payment_id"], only="changes > seen")


def taking_back() -> list[sa.schema.SchemaItem]:
    """The columns of what takes the credits of money back."""
    return [
        sa.Column(name, BIG, nullable=False)
        for name in ("amount_minor", "taken_minor", "taken_once", "takes")
    ]


def create_refusals() -> None:
    op.create_table(
        "prepaid_refusal",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("code", sa.String(64), primary_key=True),
        sa.Column("times", BIG, nullable=False),
        sa.Column("message", sa.String(255), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("last_at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_refusal_last_at", "prepaid_refusal", ["last_at"])
    op.create_table(
        "prepaid_paid_request",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("hold_key", sa.String(128), nullable=False),
        sa.Column("at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_paid_request_at", "prepaid_paid_request", ["at"])


def create_inbox() -> None:
    op.create_table(
        "prepaid_inbox",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("object_id", sa.String(255)),
        sa.Column("api_version", sa.String(64)),
        sa.Column("livemode", sa.Boolean()),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("received_at", AT, nullable=False),
        sa.Column("handled_at", AT),
        sa.Column("outcome", sa.String(255)),
        sa.Column("attempts", BIG, nullable=False),
    )
    op.create_index("ix_prepaid_inbox_object_id", "prepaid_inbox", ["object_id"])
    op.create_index("ix_prepaid_inbox_received_at", "prepaid_inbox", ["received_at", "id"])
    partial_index("ix_prepaid_inbox_waiting", "prepaid_inbox", ["received_at"], only="handled_at IS NULL")
    op.create_table(
        "prepaid_comparison",
        sa.Column("id", BIG, autoincrement=False, primary_key=True),
        sa.Column("at", AT, nullable=False),
        sa.Column("since", AT),
        sa.Column("drift", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    for table in reversed(TABLES.split()):
        op.drop_table(f"prepaid_{table}")
