"""0006 welcomed: the mailboxes that had their free credits

Whoever closed an account could register again and have them again. Digests with a key of
ours, and nothing that names anybody. Accounts from before are noted when they are closed.

Locks nothing that is in use. Back: the table is dropped, and free credits can be had again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("welcomed", sa.Column("digest", sa.String(64), primary_key=True))


def downgrade() -> None:
    op.drop_table("welcomed")
