"""0001 users, sign-ins, passkeys, numbers, audit lines

All tables of the shop. Three rules are kept by the database itself, so that not even a hole in
the app can break them:

- The audit log only grows: triggers refuse UPDATE and DELETE, on PostgreSQL TRUNCATE too.
- A number can't be drawn with an API key whose owner is blocked. Each process remembers for some
  seconds which keys it has looked up; a trigger refuses the row of what is drawn, in the transaction
  that takes the credits, so that a block counts at once everywhere. (Revoked keys the books refuse.)
- A user is never deleted: who closes an account keeps a row with nothing personal in it. So the trigger
  above keeps what a foreign key of ``numbers`` would, and locks no user. Each of these locks was a
  fifteenth of what a spend writes to PostgreSQL's log.

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
    create_users()
    create_sign_ins()
    create_numbers()
    create_audit_lines()


def create_users() -> None:
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
        sa.Column("tf_primary_method", sa.String(64)),
        sa.Column("tf_totp_secret", sa.String(255)),
        sa.Column("tf_phone_number", sa.String(128)),
        sa.Column("tf_last_counter", BIG),
        sa.Column("mf_recovery_codes", sa.JSON()),
        sa.Column("fs_webauthn_user_handle", sa.String(64)),
        sa.Column("closed_at", AT),
        sa.Column("language", sa.String(35)),
        sa.Column("version", BIG, nullable=False, server_default="1"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.UniqueConstraint("fs_uniquifier", name="uq_users_fs_uniquifier"),
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_user_roles_user_id"), primary_key=True),
        sa.Column("role_id", BIG, sa.ForeignKey("roles.id", name="fk_user_roles_role_id"), primary_key=True),
    )
    refuse_to_delete_users()
    op.create_table("welcomed", sa.Column("digest", sa.String(64), primary_key=True))


def create_sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_sign_ins_user_id"), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("browser", sa.String(200), nullable=False),
    )
    op.create_index("ix_sign_ins_user_id", "sign_ins", ["user_id"])
    op.create_index("ix_sign_ins_created_at", "sign_ins", ["created_at"])
    op.create_table(
        "passkeys",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_passkeys_user_id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("usage", sa.String(16), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", BIG, nullable=False),
        sa.Column("transports", sa.JSON()),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("device_type", sa.String(64), nullable=False),
        sa.Column("extensions", sa.String(255)),
        sa.Column("answered", sa.String(20)),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("lastuse_datetime", AT, nullable=False),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])
    op.create_table(
        "reset_links",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user_id", BIG, sa.ForeignKey("users.id", name="fk_reset_links_user_id"), nullable=False),
        sa.Column("at", AT, nullable=False),
    )
    op.create_index("ix_reset_links_user_id", "reset_links", ["user_id"])
    op.create_index("ix_reset_links_at", "reset_links", ["at"])
    op.create_table(
        "form_presses",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("at", AT, nullable=False),
        sa.Column("leads_to", sa.Text(), nullable=False),
        sa.Column("news", sa.JSON(), nullable=False),
        sa.Column("ends", sa.Boolean(), nullable=False),
        sa.Column("user_id", BIG),
        sa.Column("user_version", BIG),
    )
    op.create_index("ix_form_presses_at", "form_presses", ["at"])


def create_numbers() -> None:
    op.create_table(
        "numbers",
        sa.Column("user_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("api_key_id", sa.Integer()),
        sa.Column("created_at", AT, nullable=False),  # in this order PostgreSQL pads none of them
        sa.Column("low", sa.BigInteger()),
        sa.Column("high", sa.BigInteger()),
        sa.Column("charged", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.String(17), primary_key=True),
        sa.Column("values", sa.JSON(), nullable=False),
    )
    refuse_numbers_of_nobody_and_of_the_blocked()


def create_audit_lines() -> None:
    op.create_table(
        "audit_lines",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("at", AT, nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("detail", sa.JSON(), nullable=False),
    )
    refuse_changes_of_audit_lines()


def refuse_to_delete_users() -> None:
    if is_sqlite():
        # INSERT OR REPLACE and UPDATE OR REPLACE delete a user without a word to the trigger of DELETE.
        same = "email = NEW.email OR fs_uniquifier = NEW.fs_uniquifier"
        for what, others in (
            ("INSERT", f"id = NEW.id OR {same}"),
            ("UPDATE OF email, fs_uniquifier", f"id <> OLD.id AND ({same})"),
        ):
            op.execute(
                f"CREATE TRIGGER users_no_replace_by_{what.split()[0].lower()} BEFORE {what} ON users "
                f"WHEN EXISTS (SELECT 1 FROM users WHERE {others}) "
                "BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: users.id, email or fs_uniquifier'); END"
            )
        # SQLite knows the id by other names, too: it is compared, and not looked for in the statement.
        for verb, which in (("DELETE", ""), ("UPDATE", "WHEN NEW.id <> OLD.id ")):
            op.execute(
                f"CREATE TRIGGER users_no_{verb.lower()} BEFORE {verb} ON users {which}"
                "BEGIN SELECT RAISE(ABORT, 'users are never deleted'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION users_are_kept() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'users are never deleted' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER users_are_kept BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON users "
        "FOR EACH STATEMENT EXECUTE FUNCTION users_are_kept()"
    )


def refuse_numbers_of_nobody_and_of_the_blocked() -> None:
    if is_sqlite():
        for verb in ("INSERT", "UPDATE OF user_id"):
            op.execute(
                f"""CREATE TRIGGER numbers_of_active_users_{verb.split()[0].lower()} BEFORE {verb} ON numbers
                   BEGIN
                     SELECT CASE (SELECT active FROM users WHERE users.id = NEW.user_id)
                       WHEN 1 THEN NULL
                       WHEN 0 THEN CASE WHEN NEW.api_key_id IS NOT NULL
                                   THEN RAISE(ABORT, 'the owner of the API key is blocked') END
                       ELSE RAISE(ABORT, 'FOREIGN KEY constraint failed: numbers.user_id is no user')
                     END;
                   END"""
            )
        return
    # The schema is named: a temporary table of whoever writes a row would come first.
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(
        f"""CREATE FUNCTION numbers_of_active_users() RETURNS trigger LANGUAGE plpgsql AS $$
           DECLARE is_active boolean;
           BEGIN
             SELECT active INTO is_active FROM {schema}.users
             WHERE users.id OPERATOR(pg_catalog.=) NEW.user_id;
             IF NOT FOUND THEN
               RAISE EXCEPTION 'there is no user %', NEW.user_id USING ERRCODE = 'foreign_key_violation';
             ELSIF NEW.api_key_id IS NOT NULL AND NOT is_active THEN
               RAISE EXCEPTION 'the owner of the API key is blocked' USING ERRCODE = 'check_violation';
             END IF;
             RETURN NEW;
           END $$"""
    )
    op.execute(
        "CREATE TRIGGER numbers_of_active_users BEFORE INSERT OR UPDATE OF user_id ON numbers "
        "FOR EACH ROW EXECUTE FUNCTION numbers_of_active_users()"
    )


def refuse_changes_of_audit_lines() -> None:
    if is_sqlite():
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_lines_no_{verb.lower()} BEFORE {verb} ON audit_lines "
                "BEGIN SELECT RAISE(ABORT, 'audit_lines only grows'); END"
            )
        op.execute(
            "CREATE TRIGGER audit_lines_no_replace BEFORE INSERT ON audit_lines "
            "WHEN EXISTS (SELECT 1 FROM audit_lines WHERE id = NEW.id) "
            "BEGIN SELECT RAISE(ABORT, 'audit_lines only grows'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION audit_lines_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit_lines only grows'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_lines_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_lines "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_lines_only_grows()"
    )


def is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def downgrade() -> None:
    for table in (
        "audit_lines",
        "form_presses",
        "numbers",
        "passkeys",
        "reset_links",
        "sign_ins",
        "welcomed",
    ):
        op.drop_table(table)
    for table in ("user_roles", "users", "roles"):
        op.drop_table(table)
    if not is_sqlite():
        op.execute("DROP FUNCTION audit_lines_only_grows()")
        op.execute("DROP FUNCTION numbers_of_active_users()")
        op.execute("DROP FUNCTION users_are_kept()")
