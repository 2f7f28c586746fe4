"""Rando Number as it is sold: made ready for a benchmark, and held to account after it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import func, insert, select

from flask_prepaid import ApiKey, Prepaid
from flask_prepaid.keys.cache import digest_of
from rando_number import create_app
from rando_number.columns import utc_now
from rando_number.extensions import db
from rando_number.migrations.upgrade import upgrade
from rando_number.models import Number, User

CREDITS = 10**12

#: Counted like any other, but out of reach.
RATE = 10**9


@dataclass(frozen=True)
class Shop:
    """A shop whose customers have ``CREDITS`` each, and a key."""

    app: Flask
    environment: dict[str, str]
    headers: list[dict[str, str]]

    @classmethod
    def open(cls, data: Path, url: str | None, customers: int, *, partitions: int | None = None) -> Shop:
        """
        :param url: The database; ``None`` is SQLite in the folder ``data``.
        :param partitions: The ledger lies in so many; ``None`` is one piece.
        """
        environment = {"RANDO_DATA": str(data), "RANDO_API_RATE": str(RATE)}
        if url is not None:
            environment["DATABASE_URL"] = url
        app = create_app(environment)
        with app.app_context():
            prepaid: Prepaid = app.extensions["prepaid"]
            prepaid.upgrade(partitions=partitions)
            upgrade()
            registered = register(customers)
            for user_id in range(1, customers + 1):
                prepaid.grant(f"user:{user_id}", CREDITS, key="gift", reason="benchmark")
            db.session.commit()
        return cls(app, environment, registered)

    def check(self, numbers_seen: int, *, in_flight: int) -> None:
        """Prove that each number handed out was paid for once, and that the books add up.

        :param numbers_seen: What clients got an answer with.
        :param in_flight: What may have been on its way when the load ended.
        """
        with self.app.app_context():
            prepaid: Prepaid = self.app.extensions["prepaid"]
            users = db.session.scalar(select(func.count()).select_from(User)) or 0
            left = sum(prepaid.balance(f"user:{i}") for i in range(1, users + 1))
            taken = users * CREDITS - left
            drawn = int(db.session.scalar(select(func.sum(Number.charged))) or 0)
            db.session.remove()
            db.engine.dispose()
        assert drawn == taken, f"{drawn} numbers were drawn for {taken} credits"
        assert numbers_seen <= drawn <= numbers_seen + in_flight, f"{numbers_seen} seen of {drawn} drawn"
        problems = self.problems()
        assert problems == [], problems[:5]

    def problems(self) -> list[object]:
        """What is off in the books."""
        with self.app.app_context():
            problems: list[object] = list(self.app.extensions["prepaid"].audit())
            db.engine.dispose()
        return problems


def register(customers: int) -> list[dict[str, str]]:
    """Users with a key each, in bulk; the headers that each calls with."""
    keys = ["rn_" + secrets.token_urlsafe(32) for _ in range(customers)]
    users = [
        {"id": i, "email": f"{i}@bench.test", "active": True, "fs_uniquifier": f"{i:032}"}
        for i in range(1, customers + 1)
    ]
    rows = [
        {
            "owner": f"user:{i}",
            "name": "bench",
            "start": key[:8],
            "digest": digest_of(key),
            "created_at": utc_now(),
        }
        for i, key in enumerate(keys, 1)
    ]
    db.session.execute(insert(User), users)
    db.session.execute(insert(ApiKey), rows)
    return [{"Authorization": f"Bearer {key}"} for key in keys]
