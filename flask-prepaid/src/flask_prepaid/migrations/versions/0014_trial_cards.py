"""Which cards have begun a free trial, and what the dashboard did to a plan

Revision ID: 0014
Revises: 0013

A card begins one trial, under whichever account: told by the fingerprint that Stripe gives its number. Cards
on file get theirs when they are next fetched, and trials that began before this are not known.

Locks prepaid_card and prepaid_subscription for an ALTER each, which writes no row, and prepaid_card for as
long as its index takes.
Back: drops table and columns; a card may begin trials again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prepaid_trial_card",
        sa.Column("fingerprint", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_prepaid_trial_card")),
    )
    op.create_index("ix_prepaid_trial_card_owner", "prepaid_trial_card", ["owner"])
    op.add_column("prepaid_card", sa.Column("fingerprint", sa.String(length=255), nullable=True))
    op.create_index("ix_prepaid_card_fingerprint", "prepaid_card", ["fingerprint"])
    op.add_column("prepaid_subscription", sa.Column("end_reason", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("prepaid_subscription", "end_reason")
    op.drop_index("ix_prepaid_card_fingerprint", "prepaid_card")
    op.drop_column("prepaid_card", "fingerprint")
    op.drop_table("prepaid_trial_card")
