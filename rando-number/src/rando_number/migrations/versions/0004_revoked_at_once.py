"""0004 numbers: none for an API key that was revoked

Each process remembers for a second which keys it has looked up, so one that was revoked
elsewhere went on drawing for as long. Now the row of what is drawn is refused by the
database, in the transaction that takes the credits: the process that remembers is told.

Locks numbers for the moment in which the trigger is made. Back: the trigger is dropped, and
a key that was revoked in one process is taken by others for up to a second.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPENS = (
    "SELECT 1 FROM api_keys JOIN users ON users.id = api_keys.user_id "
    "WHERE api_keys.id = NEW.api_key_id AND revoked_at IS NULL AND active"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER numbers_by_open_keys BEFORE INSERT ON numbers "
            f"WHEN NEW.api_key_id IS NOT NULL AND NOT EXISTS ({OPENS}) "
            "BEGIN SELECT RAISE(ABORT, 'the API key opens nothing'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION numbers_by_open_keys() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NOT EXISTS ({OPENS}) THEN "
        "RAISE EXCEPTION 'the API key opens nothing' USING ERRCODE = 'check_violation'; "
        "END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER numbers_by_open_keys BEFORE INSERT ON numbers FOR EACH ROW "
        "WHEN (NEW.api_key_id IS NOT NULL) EXECUTE FUNCTION numbers_by_open_keys()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER numbers_by_open_keys")
        return
    op.execute("DROP TRIGGER numbers_by_open_keys ON numbers")
    op.execute("DROP FUNCTION numbers_by_open_keys()")
