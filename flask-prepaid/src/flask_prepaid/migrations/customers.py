"""The tables of customers, their cards, and what they have set: a part of migration 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from .making import AT, BIG, partial_index


def create_customers() -> None:
    op.create_table(
        "prepaid_customer",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("asked_at", AT),
        sa.Column("stripe_id", sa.String(255)),
        sa.Column("default_card_id", sa.String(255)),
        sa.Column("cards_fetched_at", AT),
        sa.Column("refused_email", sa.String(255)),
        sa.Column("language", sa.String(35)),
        sa.Column("outdated", sa.Boolean(), nullable=False),
        sa.Column("retry_card_id", sa.String(255)),
        sa.Column("charges_stopped", sa.Boolean(), nullable=False),
        sa.Column("company", sa.String(255)),
        sa.Column("line1", sa.String(255)),
        sa.Column("line2", sa.String(255)),
        sa.Column("postal_code", sa.String(255)),
        sa.Column("city", sa.String(255)),
        sa.Column("state", sa.String(255)),
        sa.Column("country", sa.String(2)),
        sa.Column("tax_id", sa.String(64)),
        sa.Column("tax_id_type", sa.String(64)),
        sa.Column("tax_id_ref", sa.String(255)),
        sa.Column("tax_id_status", sa.String(32)),
        sa.Column("billing_fetched_at", AT),
        sa.Column("closed_at", AT),
        sa.Column("removals", BIG, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("stripe_id"),
    )
    partial_index(
        "ix_prepaid_customer_charges_stopped", "prepaid_customer", ["owner"], only="charges_stopped"
    )
    partial_index("ix_prepaid_customer_outdated", "prepaid_customer", ["owner"], only="outdated")
    partial_index(
        "ix_prepaid_customer_retry_card", "prepaid_customer", ["owner"], only="retry_card_id IS NOT NULL"
    )
    op.create_table(
        "prepaid_former_customer",
        sa.Column("stripe_id", sa.String(255), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
    )
    op.create_index("ix_prepaid_former_customer_owner", "prepaid_former_customer", ["owner"])
    op.create_table(
        "prepaid_unwanted_customer",
        sa.Column("stripe_id", sa.String(255), primary_key=True),
        sa.Column("made_at", AT, nullable=False),
    )
    op.create_table(
        "prepaid_unanswered_customer",
        sa.Column("idempotency_key", sa.String(255), primary_key=True),
        sa.Column("asked_at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=False),
    )
    op.create_table(
        "prepaid_card",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("brand", sa.String(32), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("exp_month", BIG, nullable=False),
        sa.Column("exp_year", BIG, nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("fingerprint", sa.String(255)),
        sa.Column("after_payment", BIG, nullable=False),
    )
    op.create_index("ix_prepaid_card_fingerprint", "prepaid_card", ["fingerprint"])
    op.create_index("ix_prepaid_card_owner", "prepaid_card", ["owner"])
    op.create_index("ix_prepaid_card_expiry", "prepaid_card", ["exp_year", "exp_month"])
    op.create_table(
        "prepaid_topup",
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("pack", sa.String(64), nullable=False),
        sa.Column("threshold", BIG, nullable=False),
        sa.Column("ceiling_minor", BIG, nullable=False),
        sa.Column("pack_credits", BIG, nullable=False),
        sa.Column("pack_minor", BIG, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("after_payment", BIG, nullable=False),
        sa.Column("after_seq", BIG, nullable=False),
        sa.Column("stopped", sa.String(255)),
        sa.CheckConstraint("threshold > 0", name="threshold_positive"),
    )
    op.create_table(
        "prepaid_notice",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("about", sa.String(255), nullable=False),
        sa.Column("sent_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("owner", "about"),
    )
    op.create_table(
        "prepaid_attempt",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("at", AT, nullable=False),
    )
    op.create_table(
        "prepaid_operator_day",
        sa.Column("operator", sa.String(255), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.PrimaryKeyConstraint("operator", "day"),
    )
    op.create_table(
        "prepaid_operator_note",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("operator", sa.String(255), nullable=False),
        sa.Column("text", sa.String(1024), nullable=False),
        sa.Column("at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_operator_note_owner", "prepaid_operator_note", ["owner"])
    op.create_index("ix_prepaid_attempt_address_at", "prepaid_attempt", ["address", "at"])
    op.create_index("ix_prepaid_attempt_at", "prepaid_attempt", ["at"])
    op.create_index("ix_prepaid_attempt_owner_at", "prepaid_attempt", ["owner", "at"])
