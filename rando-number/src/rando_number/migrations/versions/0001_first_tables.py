"""0001 users, keys, sign-ins, numbers, audit lines

The first tables. The audit log only grows: triggers refuse UPDATE and DELETE, on
PostgreSQL TRUNCATE too, so that not even a hole in the app can rewrite it.

Locks nothing that is in use. Back: the tables are dropped with all they hold.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("description", sa.String(255)),
        sa.UniqueConstraint("name", name="uq_roles_name"),
    )
    op.create_table(
        "users",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("password", sa.String(255)),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(64), nullable=False),
        sa.Column("confirmed_at", AT),
        sa.Column("created_at", AT, nullable=False),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.UniqueConstraint("fs_uniquifier", name="uq_users_fs_uniquifier"),
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_user_roles_user_id"), primary_key=True),
        sa.Column("role_id", BIG, sa.ForeignKey("roles.id", name="fk_user_roles_role_id"), primary_key=True),
    )
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_sign_ins_user_id"), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("browser", sa.String(200), nullable=False),
    )
    op.create_index("ix_sign_ins_user_id", "sign_ins", ["user_id"])
    op.create_table(
        "api_keys",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_api_keys_user_id"), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("start", sa.String(12), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("cap_per_month", BIG),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("used", BIG, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT),
        sa.Column("last_used_at", AT),
        sa.Column("revoked_at", AT),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])
    op.create_table(
        "numbers",
        sa.Column(
            "user_id",
            BIG,
            sa.ForeignKey("users.id", name="fk_numbers_user_id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("low", BIG, nullable=False),
        sa.Column("high", BIG, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("charged", BIG, nullable=False),
        sa.Column("api_key_id", BIG, sa.ForeignKey("api_keys.id", name="fk_numbers_api_key_id")),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("asked", sa.String(64)),
    )
    op.create_index(
        "uq_numbers_user_id_idempotency_key",
        "numbers",
        ["user_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "audit_lines",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("at", AT, nullable=False),
        sa.Column("deed", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("detail", sa.JSON(), nullable=False),
    )
    only_grows("audit_lines")


def only_grows(table: str) -> None:
    """Have the database refuse every change to ``table`` but new rows."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} only grows'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_only_grows()"
    )


def downgrade() -> None:
    for table in ("audit_lines", "numbers", "api_keys", "sign_ins"):
        op.drop_table(table)
    for table in ("user_roles", "users", "roles"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_lines_only_grows()")
