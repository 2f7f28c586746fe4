"""The ledger: wallets, entries, holds, lots, draws, budgets, usage and the marks of the archive

Revision ID: 0001
Revises:

Entries are guarded by triggers on both databases: they are never updated, and deleted only where a mark of
the archive says that they lie there.

Locks nothing that was there before. Back: drops the tables, and all credits with them.
"""

import sqlalchemy as sa
from alembic import op

from prepaid_ledger.database.migrations.guards import (
    ENTRY_IS_SOUND,
    ENTRY_RULES,
    POSTGRESQL_ENTRY_IS_SOUND,
    SQLITE_GUARDS,
    postgresql_guards,
)
from prepaid_ledger.database.migrations.making import SLOTS, BigInt, create_in_one_piece, create_table
from prepaid_ledger.database.migrations.sums import create_budgets, create_usage

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: A wallet has one slot, and some ten rows in each of these, or far more. PostgreSQL takes ``slot`` for a
#: second condition beside ``wallet_id``, and expects one row of any wallet. Then it looks for a key by the
#: primary key, whose index is lower than that of the keys, among all rows: 60,000 of a busy wallet.
POSTGRESQL_STATISTICS = """DO $$
   DECLARE rows_of record;
   BEGIN
     FOR rows_of IN
       SELECT oid::regclass AS named, relname FROM pg_class
       WHERE oid IN ('prepaid_entry'::regclass, 'prepaid_hold'::regclass)
          OR oid IN (SELECT inhrelid FROM pg_inherits
                     WHERE inhparent IN ('prepaid_entry'::regclass, 'prepaid_hold'::regclass))
     LOOP
       EXECUTE format('ALTER TABLE %s ALTER wallet_id SET (n_distinct = -0.1)', rows_of.named);
       EXECUTE format('CREATE STATISTICS %I (dependencies) ON wallet_id, slot FROM %s',
                      'st_' || rows_of.relname, rows_of.named);
     END LOOP;
   END $$"""


def upgrade() -> None:
    create_wallets()
    create_entries()
    create_holds()
    create_extensions()
    create_lots()
    create_budgets()
    create_usage()
    create_archive_marks()
    for statement in guards():
        op.execute(statement)


def guards() -> tuple[str, ...]:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return SQLITE_GUARDS
    schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
    return (*postgresql_guards(schema), POSTGRESQL_STATISTICS)


def create_wallets() -> None:
    create_in_one_piece(
        "prepaid_wallet",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("held", BigInt, nullable=False),
        sa.Column("debt", BigInt, nullable=False),
        sa.Column("drawn_seq", BigInt, nullable=False),
        sa.Column("next_expiry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("charged", BigInt, server_default=sa.text("0"), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("balance", BigInt, nullable=False),
        sa.Column("seq", BigInt, nullable=False),
        sa.Column("budget_changes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "typeof(balance) = 'integer' AND typeof(held) = 'integer' "
            "AND typeof(debt) = 'integer' AND typeof(seq) = 'integer' AND typeof(charged) = 'integer'",
            name=op.f("ck_prepaid_wallet_whole_numbers"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_prepaid_wallet_balance_not_negative")),
        sa.CheckConstraint("debt >= 0", name=op.f("ck_prepaid_wallet_debt_not_negative")),
        sa.CheckConstraint(
            "held >= 0 AND held <= balance", name=op.f("ck_prepaid_wallet_held_within_balance")
        ),
        sa.CheckConstraint(
            "seq >= 0 AND drawn_seq >= 0 AND drawn_seq <= seq",
            name=op.f("ck_prepaid_wallet_drawn_within_seq"),
        ),
        sa.CheckConstraint(f"slot >= 0 AND slot < {SLOTS}", name=op.f("ck_prepaid_wallet_slot_in_range")),
        sa.PrimaryKeyConstraint("id", "slot", name=op.f("pk_prepaid_wallet")),
        sa.UniqueConstraint("owner", "slot", name=op.f("uq_prepaid_wallet_owner_slot")),
    )
    op.create_index(
        "ix_prepaid_wallet_next_expiry_at",
        "prepaid_wallet",
        ["next_expiry_at"],
        unique=False,
        postgresql_where=sa.text("next_expiry_at IS NOT NULL"),
        sqlite_where=sa.text("next_expiry_at IS NOT NULL"),
    )


def create_entries() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_ENTRY_IS_SOUND)
    create_table(
        "prepaid_entry",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "purchase",
                "grant",
                "allowance",
                "spend",
                "reversal",
                "clawback",
                "expiry",
                "adjustment",
                name="kind",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("debt", BigInt, nullable=False),
        sa.Column("balance_after", BigInt, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refers_to_seq", BigInt, nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amount_minor", BigInt, nullable=True),
        sa.Column("tax_minor", BigInt, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("claimed", BigInt, nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=True),
        sa.Column("spender", sa.String(length=64), nullable=True),
        sa.Column("item", sa.String(length=64), nullable=True),
        sa.Column("quantity", sa.String(length=255), nullable=True),
        sa.Column("price_version", sa.String(length=32), nullable=True),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_prepaid_entry_{name}")).ddl_if(dialect="sqlite")
            for name, rule in ENTRY_RULES.items()
        ),
        sa.CheckConstraint(
            "typeof(seq) = 'integer' AND typeof(credits) = 'integer' "
            "AND typeof(debt) = 'integer' AND typeof(balance_after) = 'integer'",
            name=op.f("ck_prepaid_entry_whole_numbers"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(ENTRY_IS_SOUND, name=op.f("ck_prepaid_entry_sound")).ddl_if(dialect="postgresql"),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_entry_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", "seq", name=op.f("pk_prepaid_entry")),
        sa.UniqueConstraint("wallet_id", "slot", "key", name=op.f("uq_prepaid_entry_wallet_id_slot_key")),
    )
    op.create_index(
        "ix_prepaid_entry_refers_to_seq",
        "prepaid_entry",
        ["wallet_id", "slot", "refers_to_seq"],
        unique=False,
        postgresql_where=sa.text("refers_to_seq IS NOT NULL OR kind = 'adjustment'"),
        sqlite_where=sa.text("refers_to_seq IS NOT NULL OR kind = 'adjustment'"),
    )
    op.create_index(
        "ix_prepaid_entry_owed",
        "prepaid_entry",
        ["wallet_id", "slot", "seq"],
        unique=False,
        postgresql_where=sa.text("debt > 0"),
        sqlite_where=sa.text("debt > 0"),
    )


def create_holds() -> None:
    create_table(
        "prepaid_hold",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("opened_credits", BigInt, nullable=False),
        sa.Column("captured", BigInt, nullable=False),
        sa.Column("counted", BigInt, nullable=True),
        sa.Column("meter", sa.String(16), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "captured",
                "released",
                "expired",
                name="holdstate",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_seq", BigInt, nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("spender", sa.String(length=64), nullable=True),
        sa.Column("item", sa.String(length=64), nullable=True),
        sa.Column("quantity", sa.String(length=255), nullable=True),
        sa.Column("price_version", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "(state = 'captured') = (captured > 0)", name=op.f("ck_prepaid_hold_captured_by_capture")
        ),
        sa.CheckConstraint(
            "(state = 'open') = (closed_seq IS NULL)", name=op.f("ck_prepaid_hold_open_until_closed")
        ),
        sa.CheckConstraint(
            "typeof(seq) = 'integer' AND typeof(credits) = 'integer' "
            "AND typeof(opened_credits) = 'integer' AND typeof(captured) = 'integer'",
            name=op.f("ck_prepaid_hold_whole_numbers"),
        ).ddl_if(dialect="sqlite"),
        sa.CheckConstraint(
            "captured >= 0 AND captured <= credits", name=op.f("ck_prepaid_hold_captured_within_held")
        ),
        sa.CheckConstraint(
            "opened_credits > 0 AND opened_credits <= credits",
            name=op.f("ck_prepaid_hold_opened_within_held"),
        ),
        sa.CheckConstraint(
            "counted >= 0 AND counted <= credits", name=op.f("ck_prepaid_hold_counted_within_held")
        ),
        sa.CheckConstraint("closed_seq > seq", name=op.f("ck_prepaid_hold_closed_after_opened")),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_seq IS NULL)", name=op.f("ck_prepaid_hold_closed_at_a_time")
        ),
        sa.CheckConstraint("credits > 0", name=op.f("ck_prepaid_hold_credits_positive")),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_hold_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", "seq", name=op.f("pk_prepaid_hold")),
        sa.UniqueConstraint(
            "wallet_id", "slot", "closed_seq", name=op.f("uq_prepaid_hold_wallet_id_slot_closed_seq")
        ),
        sa.UniqueConstraint("wallet_id", "slot", "key", name=op.f("uq_prepaid_hold_wallet_id_slot_key")),
    )
    op.create_index(
        "ix_prepaid_hold_due",
        "prepaid_hold",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_prepaid_hold_open",
        "prepaid_hold",
        ["wallet_id", "slot", "expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )


def create_extensions() -> None:
    create_table(
        "prepaid_hold_extension",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("hold_seq", BigInt, nullable=False),
        sa.Column("held_before", BigInt, nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "credits > 0 AND held_before > 0", name=op.f("ck_prepaid_hold_extension_credits_positive")
        ),
        sa.CheckConstraint("seq > hold_seq", name=op.f("ck_prepaid_hold_extension_extended_after_opened")),
        sa.CheckConstraint(
            "typeof(seq) = 'integer' AND typeof(held_before) = 'integer' AND typeof(credits) = 'integer'",
            name=op.f("ck_prepaid_hold_extension_whole_numbers"),
        ).ddl_if(dialect="sqlite"),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot", "hold_seq"],
            ["prepaid_hold.wallet_id", "prepaid_hold.slot", "prepaid_hold.seq"],
            name=op.f("fk_prepaid_hold_extension_wallet_id_slot_hold_seq"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", "seq", name=op.f("pk_prepaid_hold_extension")),
        sa.UniqueConstraint(
            "wallet_id",
            "slot",
            "hold_seq",
            "held_before",
            name=op.f("uq_prepaid_hold_extension_wallet_id_slot_hold_seq_held_before"),
        ),
    )


def create_lots() -> None:
    create_table(
        "prepaid_lot",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("origin", BigInt, nullable=False),
        sa.Column("left_over", BigInt, nullable=False),
        sa.Column("held", BigInt, nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid", sa.Boolean(), nullable=False),
        sa.CheckConstraint("held >= 0", name=op.f("ck_prepaid_lot_held_not_negative")),
        sa.CheckConstraint("left_over >= 0", name=op.f("ck_prepaid_lot_left_over_not_negative")),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_lot_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", "seq", name=op.f("pk_prepaid_lot")),
    )
    op.create_index(
        "ix_prepaid_lot_live",
        "prepaid_lot",
        ["wallet_id", "slot"],
        unique=False,
        postgresql_where=sa.text("left_over > 0 OR held > 0"),
        sqlite_where=sa.text("left_over > 0 OR held > 0"),
    )
    create_table(
        "prepaid_draw",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("lot_seq", BigInt, autoincrement=False, nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.CheckConstraint("credits <> 0", name=op.f("ck_prepaid_draw_credits_move")),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_draw_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", "seq", "lot_seq", name=op.f("pk_prepaid_draw")),
    )


def create_archive_marks() -> None:
    op.create_table(
        "prepaid_archive_mark",
        sa.Column("wallet_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", BigInt, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("balance", BigInt, nullable=False),
        sa.Column("spends", BigInt, nullable=False),
        sa.Column("credits", BigInt, nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("kept_digest", sa.String(length=32), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_prepaid_archive_mark_seq_positive")),
        sa.CheckConstraint(
            "spends >= 0 AND credits >= 0", name=op.f("ck_prepaid_archive_mark_sums_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["wallet_id", "slot"],
            ["prepaid_wallet.id", "prepaid_wallet.slot"],
            name=op.f("fk_prepaid_archive_mark_wallet_id_slot"),
        ),
        sa.PrimaryKeyConstraint("wallet_id", "slot", name=op.f("pk_prepaid_archive_mark")),
    )


def downgrade() -> None:
    op.drop_table("prepaid_archive_mark")
    op.drop_table("prepaid_usage_mark")
    op.drop_table("prepaid_usage")
    op.drop_table("prepaid_budget")
    op.drop_table("prepaid_draw")
    op.drop_table("prepaid_lot")
    op.drop_table("prepaid_hold_extension")
    op.drop_table("prepaid_hold")
    op.drop_table("prepaid_entry")
    op.drop_table("prepaid_wallet")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION prepaid_entry_refuse()")
        op.execute("DROP FUNCTION prepaid_entry_is_sound")
        op.execute("DROP FUNCTION prepaid_archive_mark_refuse()")
