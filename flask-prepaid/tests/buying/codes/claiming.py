"""A process of its own in which many owners redeem one code at once: ``python claiming.py URL FIRST COUNT``.

It prints what came of each, a line for each owner.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_prepaid import Prepaid
from flask_prepaid.errors import CodeRefused
from prepaid_ledger.errors import Busy

THREADS = 15


def redeem(app: Flask, prepaid: Prepaid, owner: str, code: str) -> str:
    """What came of it; a database that is busy is asked again, as a customer presses again."""
    while True:
        try:
            with app.app_context():
                prepaid.redeem(owner, code)
        except CodeRefused:
            return "refused"
        except Busy:
            continue
        return "given"


def main(url: str, first: int, count: int) -> None:
    app = Flask("shop")
    app.config.update(TESTING=True, SECRET_KEY="of the tests", SQLALCHEMY_DATABASE_URI=url)
    prepaid = Prepaid(app, SQLAlchemy(app), owner=lambda: None)
    with ThreadPoolExecutor(THREADS) as threads:
        owners = [f"user:{number}" for number in range(first, first + count)]
        for came in threads.map(lambda owner: redeem(app, prepaid, owner, "WELCOME"), owners):
            sys.stdout.write(f"{came}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
