"""The tables of codes: a part of migration 0001."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from .making import AT, BIG


def create_codes() -> None:
    op.create_table(
        "prepaid_code",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("folded", sa.String(64), nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("max_claims", BIG),
        sa.Column("per_owner", BIG, nullable=False),
        sa.Column("expires_at", AT),
        sa.Column("expires_after_s", BIG),
        sa.Column("reason", sa.String(255), nullable=False),
        sa.Column("referrer", sa.String(64)),
        sa.Column("referrer_credits", BIG, nullable=False),
        sa.Column("claims", BIG, nullable=False),
        sa.Column("off_at", AT),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint(
            "claims >= 0 AND (max_claims IS NULL OR claims <= max_claims)", name="claims_within_max"
        ),
        sa.CheckConstraint("credits > 0 AND referrer_credits >= 0", name="credits_positive"),
        sa.CheckConstraint("per_owner > 0", name="per_owner_positive"),
        sa.UniqueConstraint("folded"),
    )
    op.create_index("ix_prepaid_code_referrer", "prepaid_code", ["referrer"])
    op.create_table(
        "prepaid_code_claim",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("code_id", BIG, sa.ForeignKey("prepaid_code.id"), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("credits", BIG, nullable=False),
        sa.Column("referrer_credits", BIG, nullable=False),
        sa.Column("key", sa.String(120)),
        sa.Column("first", sa.String(64)),
        sa.Column("second", sa.String(64)),
        sa.Column("at", AT, nullable=False),
        sa.UniqueConstraint("code_id", "owner", "number"),
        sa.UniqueConstraint("first", "second"),
        sa.UniqueConstraint("owner", "key"),
    )
    op.create_index("ix_prepaid_code_claim_at", "prepaid_code_claim", ["at"])
    op.create_index("ix_prepaid_code_claim_code_id_at", "prepaid_code_claim", ["code_id", "at"])
    op.create_table(
        "prepaid_code_guess",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("at", AT, nullable=False),
    )
    op.create_index("ix_prepaid_code_guess_address_at", "prepaid_code_guess", ["address", "at"])
    op.create_index("ix_prepaid_code_guess_at", "prepaid_code_guess", ["at"])
    op.create_index("ix_prepaid_code_guess_owner_at", "prepaid_code_guess", ["owner", "at"])
