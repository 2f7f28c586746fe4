"""What is deferred, by day: the sums of credits are counted anew

Revision ID: 0017
Revises: 0016

A month is closed days after its end, and what was paid for and not used yet was known as of now alone. The
sums of credits now say by how much each day moved it.

Empties them; the next ticks count all entries again, and reports say up to when. Nobody waits.
Back: the same.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("prepaid_credit_sum", "prepaid_counted"):
        op.execute(f"DELETE FROM {table}")
    op.execute("UPDATE prepaid_copying SET counted_to = NULL")


def downgrade() -> None:
    upgrade()
