"""What each entry must be, whoever writes it: CHECKs on SQLite, and one CHECK by a function on PostgreSQL.

PostgreSQL reads the text of each CHECK anew for each table that a statement writes to, and a batch of spends
writes to many partitions. A function is read once for a connection.
"""

from __future__ import annotations

import re

from sqlalchemy import DDL, CheckConstraint

#: An operator of a rule, and a list of words that is looked through.
OPERATOR = re.compile(r" (=|<>|<=|>=|<|>) ")
WORDS = re.compile(r" IN \((.*?)\)")

#: By name; the migrations have the same.
RULES = {
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

CALL = "prepaid_entry_is_sound(kind, seq, credits, debt, balance_after, amount_minor, tax_minor, currency)"


def by_pg_catalog(sql: str) -> str:
    """A condition that means the same whatever somebody's ``search_path`` is, for a function of PostgreSQL.

    PostgreSQL reads a function's body with the path of whoever writes a row, and so would take an operator
    of theirs for its own. The migrations use this: what it makes of a condition stays as it is.
    """
    return OPERATOR.sub(r" OPERATOR(pg_catalog.\1) ", WORDS.sub(r" = ANY (ARRAY[\1])", sql))


FUNCTION = DDL(
    f"""CREATE OR REPLACE FUNCTION prepaid_entry_is_sound(
         kind varchar, seq bigint, credits bigint, debt bigint, balance_after bigint, amount_minor bigint,
         tax_minor bigint, currency varchar
       ) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
       BEGIN
         RETURN {by_pg_catalog(" AND ".join(f"({rule})" for rule in RULES.values()))};
       END $$"""
)  # type: ignore[no-untyped-call]


def checks() -> list[CheckConstraint]:
    """The CHECKs of the table of entries, on either database."""
    each = [CheckConstraint(rule, name=name).ddl_if(dialect="sqlite") for name, rule in RULES.items()]
    return [*each, CheckConstraint(CALL, name="sound").ddl_if(dialect="postgresql")]
