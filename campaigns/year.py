#!/usr/bin/env python3
"""A made-up year of the shop, recounted: ``./dev campaign year [--customers N] [--months N] [--seed N]``.

The tests recount the three months that every first start lives. Exit 1 if a report, the close of the
last month or the books are off. With ``--copy`` the shop then moves to PostgreSQL 15, plans, disputes, a
revoked key and all, and each report has to be the same there, to the cent.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path

from journeys.conftest import Running, command_of, shop_in
from journeys.recount import the_last_month_closes, the_reports_are_a_recount
from sqlalchemy import create_engine, text
from tools.cells import Missing
from tools.postgresql import server
from tools.run.settings import environment_of

from flask_prepaid.cli.report import REPORTS
from rando_number import create_app
from rando_number.extensions import db, prepaid

#: What the copy of a year is about: none of these may be missing in it.
ROWS = {
    "plans": "SELECT count(*) FROM prepaid_subscription",
    "disputes": "SELECT count(*) FROM prepaid_dispute",
    "revoked_keys": "SELECT count(*) FROM prepaid_api_key WHERE revoked_at IS NOT NULL",
    "entries": "SELECT count(*) FROM prepaid_entry",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=7)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--copy", action="store_true", help="move it to PostgreSQL 15, and compare")
    options = parser.parse_args()
    how = [f"--{name}={getattr(options, name)}" for name in ("customers", "months", "seed")]
    rows: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder, shop_in(Path(folder)) as shop:
        shop.start()
        seeded = shop.flask("rando", "seed", *how)  # ends with reconcile and audit
        wrong = seeded.stderr[-2_000:] if seeded.returncode else ""
        try:
            the_reports_are_a_recount(shop)
            the_last_month_closes(shop)
            if options.copy:
                rows = the_copy_says_the_same(shop)
        except Exception:
            wrong += traceback.format_exc()
    print(json.dumps({"campaign": "year", **vars(options), **rows, "ok": not wrong, "wrong": wrong}))
    raise SystemExit(1 if wrong else 0)


def the_copy_says_the_same(shop: Running) -> dict[str, int]:
    """Move the whole shop to PostgreSQL; how many rows of what were in it.

    :raises SystemExit: PostgreSQL 15 is not there.
    """
    here = environment_of(shop.data)
    revoke_a_key(here)
    answer_of(here, "prepaid", "sync")
    try:
        with server("15") as url:
            there = {**here, "DATABASE_URL": url}
            answer_of(there, "rando", "prepare")
            answer_of(here, "prepaid", "copy", "--all", "--to", url)  # ends with audit and reconcile
            for what in REPORTS:
                reported = [answer_of(at, "prepaid", "report", what, "--json") for at in (here, there)]
                assert reported[0] == reported[1], what
            engine = create_engine(url)
            with engine.connect() as connection:
                rows = {name: int(connection.scalar(text(sql)) or 0) for name, sql in ROWS.items()}
            engine.dispose()
    except Missing as missing:
        raise SystemExit(f"{missing}. On Debian: apt install postgresql-15") from missing
    assert all(rows.values()), rows
    return rows


def revoke_a_key(environment: Mapping[str, str]) -> None:
    app = create_app(environment)
    with app.app_context():
        prepaid.revoke_key("user:1", prepaid.make_key("user:1", name="of former days").id)
        db.session.commit()
        db.engine.dispose()


def answer_of(environment: Mapping[str, str], *words: str) -> str:
    done = command_of(environment, *words)
    assert done.exit_code == 0, (words, done.output, done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
