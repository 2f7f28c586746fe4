"""The inbox by time, by object, and what waits in it

Revision ID: 0013
Revises: 0012

The operator's overview looks at the latest events and counts those that wait, at every visit: of a million
events it read each one.

Locks prepaid_inbox for as long as its three indexes take. Back: drops them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_prepaid_inbox_received_at", "prepaid_inbox", ["received_at", "id"])
    op.create_index("ix_prepaid_inbox_object_id", "prepaid_inbox", ["object_id"])
    waits = sa.text("handled_at IS NULL")
    op.create_index(
        "ix_prepaid_inbox_waiting",
        "prepaid_inbox",
        ["received_at"],
        postgresql_where=waits,
        sqlite_where=waits,
    )


def downgrade() -> None:
    for name in ("waiting", "object_id", "received_at"):
        op.drop_index(f"ix_prepaid_inbox_{name}", "prepaid_inbox")
