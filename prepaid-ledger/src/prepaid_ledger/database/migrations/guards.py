"""What keeps entries sound, and entries and the marks of the archive from being changed, on both databases.

An entry is never updated. It is deleted only as the archive does it: a spend that nothing has reversed and
that made no debt, at or below the mark of its wallet. A mark only goes on, and is never deleted.

PostgreSQL's functions name the schema of each table and operator. Whoever writes a row has a ``search_path``
of their own, with tables and operators of theirs in it: a temporary table comes before ours.
"""

from prepaid_ledger.database.entry_rules import by_pg_catalog

#: What each entry must be, by name: a CHECK each on SQLite.
ENTRY_RULES = {
    "kind": (
        "kind IN ('purchase', 'grant', 'allowance', 'spend', 'reversal', 'clawback', 'expiry', 'adjustment')"
    ),
    "seq_positive": "seq > 0",
    "balance_after_not_negative": "balance_after >= 0",
    "credits_move": "credits <> 0 OR kind IN ('expiry', 'clawback')",
    "sign_of_kind": (
        "CASE WHEN kind IN ('purchase', 'grant', 'allowance', 'reversal') THEN credits > 0"
        " WHEN kind IN ('spend', 'expiry') THEN credits <= 0 ELSE TRUE END"
    ),
    "debt_by_clawback_or_spend": "debt = 0 OR kind = 'clawback' OR (kind = 'spend' AND debt > 0)",
    "amount_has_currency": "(amount_minor IS NULL) = (currency IS NULL)",
    "amount_not_negative": "amount_minor >= 0",
    "tax_within_amount": "tax_minor >= 0 AND tax_minor <= amount_minor",
}

#: The one CHECK of them all on PostgreSQL.
ENTRY_IS_SOUND = (
    "prepaid_entry_is_sound(kind, seq, credits, debt, balance_after, amount_minor, tax_minor, currency)"
)

POSTGRESQL_ENTRY_IS_SOUND = f"""CREATE FUNCTION prepaid_entry_is_sound(
         kind varchar, seq bigint, credits bigint, debt bigint, balance_after bigint, amount_minor bigint,
         tax_minor bigint, currency varchar
       ) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
       BEGIN
         RETURN {by_pg_catalog(" AND ".join(f"({rule})" for rule in ENTRY_RULES.values()))};
       END $$"""

#: What may be deleted of the entries, in the SQL of both databases; ``OLD`` is the entry. ``{schema}`` is
#: where the tables are on PostgreSQL, with a dot.
IN_THE_ARCHIVE = """OLD.kind = 'spend' AND OLD.debt = 0
    AND EXISTS (SELECT 1 FROM {schema}prepaid_archive_mark
                WHERE slot = OLD.slot AND wallet_id = OLD.wallet_id AND seq >= OLD.seq)
    AND NOT EXISTS (SELECT 1 FROM {schema}prepaid_entry reversal
                    WHERE reversal.slot = OLD.slot AND reversal.wallet_id = OLD.wallet_id
                    AND reversal.refers_to_seq = OLD.seq AND reversal.kind = 'reversal')"""

#: How a mark may change: it goes on, and what it counts does not shrink.
GOES_ON = """NEW.slot = OLD.slot AND NEW.wallet_id = OLD.wallet_id
    AND NEW.seq > OLD.seq AND NEW.at >= OLD.at AND NEW.spends >= OLD.spends AND NEW.credits >= OLD.credits"""

SQLITE_GUARDS = (
    """CREATE TRIGGER prepaid_entry_no_update BEFORE UPDATE ON prepaid_entry
       BEGIN SELECT RAISE(ABORT, 'prepaid_entry is never updated: post a correction'); END""",
    f"""CREATE TRIGGER prepaid_entry_no_delete BEFORE DELETE ON prepaid_entry
       WHEN NOT ({IN_THE_ARCHIVE.format(schema="")})
       BEGIN SELECT RAISE(ABORT, 'prepaid_entry is never deleted: post a correction'); END""",
    # INSERT OR REPLACE deletes without firing the trigger above.
    """CREATE TRIGGER prepaid_entry_no_replace BEFORE INSERT ON prepaid_entry
       WHEN EXISTS (SELECT 1 FROM prepaid_entry WHERE slot = NEW.slot AND wallet_id = NEW.wallet_id
                    AND (seq = NEW.seq OR "key" = NEW."key"))
       BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: prepaid_entry.wallet_id, seq or key'); END""",
    f"""CREATE TRIGGER prepaid_archive_mark_no_update BEFORE UPDATE ON prepaid_archive_mark
       WHEN NOT ({GOES_ON})
       BEGIN SELECT RAISE(ABORT, 'prepaid_archive_mark never goes back: it says what was archived'); END""",
    """CREATE TRIGGER prepaid_archive_mark_no_delete BEFORE DELETE ON prepaid_archive_mark
       BEGIN SELECT RAISE(ABORT, 'prepaid_archive_mark is never deleted: it says what was archived'); END""",
    """CREATE TRIGGER prepaid_archive_mark_no_replace BEFORE INSERT ON prepaid_archive_mark
       WHEN EXISTS (SELECT 1 FROM prepaid_archive_mark WHERE slot = NEW.slot AND wallet_id = NEW.wallet_id)
       BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: prepaid_archive_mark.wallet_id'); END""",
)


def postgresql_guards(schema: str) -> tuple[str, ...]:
    """The guards of tables that are made in ``schema``, which is quoted where it has to be."""
    in_the_archive = by_pg_catalog(IN_THE_ARCHIVE.format(schema=f"{schema}."))
    return (
        f"""CREATE FUNCTION prepaid_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             IF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
               IF {in_the_archive} THEN RETURN OLD; END IF;
             END IF;
             RAISE EXCEPTION 'prepaid_entry is never changed: post a correction'
                 USING ERRCODE = 'restrict_violation';
           END $$""",
        """CREATE TRIGGER prepaid_entry_no_change BEFORE UPDATE OR DELETE ON prepaid_entry
           FOR EACH ROW EXECUTE FUNCTION prepaid_entry_refuse()""",
        # Row triggers don't see TRUNCATE. A trigger of a statement is not inherited by partitions.
        """DO $$
           DECLARE entries regclass;
           BEGIN
             FOR entries IN
               SELECT 'prepaid_entry'::regclass
               UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = 'prepaid_entry'::regclass
             LOOP
               EXECUTE format('CREATE TRIGGER prepaid_entry_no_truncate BEFORE TRUNCATE ON %s
                               FOR EACH STATEMENT EXECUTE FUNCTION prepaid_entry_refuse()', entries);
             END LOOP;
           END $$""",
        f"""CREATE FUNCTION prepaid_archive_mark_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
               IF {by_pg_catalog(GOES_ON)} THEN RETURN NEW; END IF;
             END IF;
             RAISE EXCEPTION 'prepaid_archive_mark never goes back: it says what was archived'
                 USING ERRCODE = 'restrict_violation';
           END $$""",
        """CREATE TRIGGER prepaid_archive_mark_no_change BEFORE UPDATE OR DELETE ON prepaid_archive_mark
           FOR EACH ROW EXECUTE FUNCTION prepaid_archive_mark_refuse()""",
        """CREATE TRIGGER prepaid_archive_mark_no_truncate BEFORE TRUNCATE ON prepaid_archive_mark
           FOR EACH STATEMENT EXECUTE FUNCTION prepaid_archive_mark_refuse()""",
    )
