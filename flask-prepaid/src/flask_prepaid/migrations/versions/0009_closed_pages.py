"""When a plan's Checkout page was closed

Revision ID: 0009
Revises: 0008

An owner's plan that has not begun may end only when nobody can pay on its page any more; the database
now holds that. So two browsers that choose at once can never leave two pages open. Rows that have
expired before this count as closed then: Stripe's pages live for 24 hours at most.

Locks prepaid_subscription while it is rewritten; SQLite copies the table, on which no trigger stands.
Back: drops the rule and the column.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

RULE = "ck_prepaid_subscription_expired_page_is_closed"


def upgrade() -> None:
    op.add_column("prepaid_subscription", sa.Column("page_closed_at", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE prepaid_subscription SET page_closed_at = created_at"
        " WHERE state = 'expired' AND session_id IS NOT NULL"
    )
    with op.batch_alter_table("prepaid_subscription") as table:
        table.create_check_constraint(
            op.f(RULE), "state <> 'expired' OR session_id IS NULL OR page_closed_at IS NOT NULL"
        )


def downgrade() -> None:
    with op.batch_alter_table("prepaid_subscription") as table:
        table.drop_constraint(op.f(RULE), type_="check")
        table.drop_column("page_closed_at")
