"""Plans

Revision ID: 0006
Revises: 0005

What a Stripe price gives, who has which plan, its invoices, and each change with its day. A plan's
paid invoice is a payment too, so that refunds, disputes and reports know it: `via` takes one more word.

Locks prepaid_payment while its check is replaced; SQLite copies the table. Back: drops the tables and
forgets the plans' payments; their entries in the ledger stay, and Stripe goes on billing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)

STATES = (
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
)
MOVES = ("new", "expansion", "contraction", "churn", "reactivation", "other")
RUNNING = sa.text("state NOT IN ('expired', 'incomplete_expired', 'canceled')")


def words(name: str, values: tuple[str, ...], length: int) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=length)


def upgrade() -> None:
    take("checkout", "card", "topup", "plan")
    op.create_table(
        "prepaid_plan_price",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("roll_over", BigInt, nullable=False),
        sa.Column("amount_minor", BigInt, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("interval", sa.String(length=8), nullable=False),
        sa.Column("interval_count", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_plan_price")),
    )
    op.create_table(
        "prepaid_subscription",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("state", words("state", STATES, 24), nullable=False),
        sa.Column("price_id", sa.String(length=255), nullable=False),
        sa.Column("quantity", BigInt, nullable=False),
        sa.Column("trial_days", BigInt, nullable=False),
        sa.Column("trial_credits", BigInt, nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=False),
        sa.Column("session_id", sa.String(length=255)),
        sa.Column("stripe_id", sa.String(length=255)),
        sa.Column("card_id", sa.String(length=255)),
        sa.Column("period_start", Time),
        sa.Column("period_end", Time),
        sa.Column("trial_end", Time),
        sa.Column("cancel_at", Time),
        sa.Column("schedule_id", sa.String(length=255)),
        sa.Column("next_price_id", sa.String(length=255)),
        sa.Column("next_quantity", BigInt),
        sa.Column("next_at", Time),
        sa.Column("pending_until", Time),
        sa.Column("ended_at", Time),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("fetched_at", Time),
        sa.Column("check_at", Time),
        sa.Column("checks", BigInt, nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_prepaid_subscription_quantity_positive")),
        sa.ForeignKeyConstraint(
            ["price_id"], ["prepaid_plan_price.id"], name=op.f("fk_prepaid_subscription_price_id")
        ),
        sa.ForeignKeyConstraint(
            ["next_price_id"], ["prepaid_plan_price.id"], name=op.f("fk_prepaid_subscription_next_price_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_subscription")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_prepaid_subscription_idempotency_key")),
        sa.UniqueConstraint("session_id", name=op.f("uq_prepaid_subscription_session_id")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_subscription_stripe_id")),
    )
    op.create_index("ix_prepaid_subscription_owner_id", "prepaid_subscription", ["owner", "id"])
    op.create_index("ix_prepaid_subscription_check_at", "prepaid_subscription", ["check_at"])
    op.create_index(
        "uq_prepaid_subscription_running",
        "prepaid_subscription",
        ["owner"],
        unique=True,
        postgresql_where=RUNNING,
        sqlite_where=RUNNING,
    )
    invoices()
    changes()


def invoices() -> None:
    op.create_table(
        "prepaid_invoice",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("subscription_id", BigInt, nullable=False),
        sa.Column("stripe_id", sa.String(length=255), nullable=False),
        sa.Column("number", sa.String(length=64)),
        sa.Column(
            "state",
            words("invoicestate", ("draft", "open", "paid", "uncollectible", "void"), 16),
            nullable=False,
        ),
        sa.Column("total_minor", BigInt, nullable=False),
        sa.Column("due_minor", BigInt, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("period_start", Time),
        sa.Column("period_end", Time),
        sa.Column("credits", BigInt),
        sa.Column("payment_id", BigInt),
        sa.Column("page_url", sa.String(length=1024)),
        sa.Column("pdf_url", sa.String(length=1024)),
        sa.Column("retry_at", Time),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("paid_at", Time),
        sa.Column("fetched_at", Time, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["prepaid_subscription.id"], name=op.f("fk_prepaid_invoice_subscription_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["prepaid_payment.id"], name=op.f("fk_prepaid_invoice_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_invoice")),
        sa.UniqueConstraint("stripe_id", name=op.f("uq_prepaid_invoice_stripe_id")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_prepaid_invoice_payment_id")),
    )
    op.create_index(
        "ix_prepaid_invoice_subscription_id_created_at", "prepaid_invoice", ["subscription_id", "created_at"]
    )


def changes() -> None:
    op.create_table(
        "prepaid_subscription_change",
        sa.Column("id", BigInt, nullable=False),
        sa.Column("subscription_id", BigInt, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("move", words("move", MOVES, 16), nullable=False),
        sa.Column("state", words("state", STATES, 24), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("quantity", BigInt, nullable=False),
        sa.Column("cancel_at", Time),
        sa.Column("next_price_id", sa.String(length=255)),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("mrr_before_minor", BigInt, nullable=False),
        sa.Column("mrr_after_minor", BigInt, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["prepaid_subscription.id"],
            name=op.f("fk_prepaid_subscription_change_subscription_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepaid_subscription_change")),
    )
    op.create_index("ix_prepaid_subscription_change_owner_id", "prepaid_subscription_change", ["owner", "id"])
    op.create_index("ix_prepaid_subscription_change_at", "prepaid_subscription_change", ["at"])


def take(*via: str) -> None:
    """Let payments be asked for in these ways. No trigger stands on the table that the copy would lose."""
    rule = ", ".join(f"'{word}'" for word in via)
    with op.batch_alter_table("prepaid_payment") as table:
        table.drop_constraint(op.f("ck_prepaid_payment_via"), type_="check")
        table.create_check_constraint(op.f("ck_prepaid_payment_via"), f"via IN ({rule})")


def downgrade() -> None:
    op.drop_table("prepaid_subscription_change")
    op.drop_table("prepaid_invoice")
    op.drop_table("prepaid_subscription")
    op.drop_table("prepaid_plan_price")
    op.execute("DELETE FROM prepaid_payment WHERE via = 'plan'")
    take("checkout", "card", "topup")
