"""The tables of what is told, and of what customers want to be told: a part of migration 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from .making import AT, BIG, partial_index, words

WAITING = "state = 'waiting'"


def create_outbox() -> None:
    op.create_table(
        "prepaid_message",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("uid", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("signal", sa.String(64), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.UniqueConstraint("uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_prepaid_message_at", "prepaid_message", ["at"])
    op.create_index("ix_prepaid_message_owner", "prepaid_message", ["owner"])
    op.create_table(
        "prepaid_delivery",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("message_id", BIG, sa.ForeignKey("prepaid_message.id"), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("target", words("target", 16, "receivers mail endpoint"), nullable=False),
        sa.Column("endpoint_id", BIG, nullable=False),
        sa.Column("state", words("deliverystate", 16, "waiting paused done given_up"), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("tries", BIG, nullable=False),
        sa.Column("next_try_at", AT, nullable=False),
        sa.Column("failing_since", AT),
        sa.Column("tried_at", AT),
        sa.Column("told_receivers", sa.Text()),
        sa.Column("status", BIG),
        sa.Column("answer", sa.String(255)),
        sqlite_autoincrement=True,
    )
    queue = ["owner", "target", "endpoint_id", "id"]
    partial_index("ix_prepaid_delivery_queue", "prepaid_delivery", queue, only=WAITING)
    due, to_us, to_endpoints = ["next_try_at", "id"], "target <> 'endpoint'", "target = 'endpoint'"
    partial_index("ix_prepaid_delivery_due", "prepaid_delivery", due, only=f"{WAITING} AND {to_us}")
    partial_index(
        "ix_prepaid_delivery_due_endpoint", "prepaid_delivery", due, only=f"{WAITING} AND {to_endpoints}"
    )
    given_up = ["endpoint_id", "id"]
    partial_index("ix_prepaid_delivery_given_up", "prepaid_delivery", given_up, only="state = 'given_up'")
    op.create_index("ix_prepaid_delivery_endpoint_id", "prepaid_delivery", ["endpoint_id", "id"])
    op.create_index("ix_prepaid_delivery_message_id", "prepaid_delivery", ["message_id"])
    create_endpoints_and_mails()
    create_alerts()


def create_endpoints_and_mails() -> None:
    op.create_table(
        "prepaid_endpoint",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("secret", sa.String(80), nullable=False),
        sa.Column("old_secret", sa.String(80)),
        sa.Column("old_until", AT),
        sa.Column("events", sa.String(500), nullable=False),
        sa.Column("failing_since", AT),
        sa.Column("off_because", words("offbecause", 16, "owner failed gone")),
        sa.Column("created_at", AT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_prepaid_endpoint_owner", "prepaid_endpoint", ["owner"])
    op.create_table(
        "prepaid_mail",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("error", sa.String(120), nullable=False),
        sa.Column("message_uid", sa.String(40)),
        sa.Column("at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_mail_owner", "prepaid_mail", ["owner", "id"])
    op.create_index("ix_prepaid_mail_at", "prepaid_mail", ["at"])


def create_alerts() -> None:
    op.create_table(
        "prepaid_alert",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("kind", words("alertkind", 16, "balance budget lapse"), nullable=False),
        sa.Column("spender", sa.String(64), nullable=False),
        sa.Column("every", sa.String(8), nullable=False),
        sa.Column("threshold", BIG, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint("threshold >= 0", name="threshold_not_negative"),
        sa.UniqueConstraint("owner", "kind", "spender", "every", "threshold"),
    )
    op.create_index("ix_prepaid_alert_kind", "prepaid_alert", ["kind"])
    op.create_table(
        "prepaid_crossing",
        sa.Column("alert_id", BIG, primary_key=True, autoincrement=False),
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("about", sa.String(160), primary_key=True),
        sa.Column("until", AT),
        sa.Column("at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_crossing_owner", "prepaid_crossing", ["owner"])
