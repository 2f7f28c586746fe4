"""A Flask app with the extension and nothing else."""

from __future__ import annotations

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL

from flask_prepaid import Prepaid

OWNER = "user:1"


class Host:
    """One app, in whose context the test runs. A header says who the customer is."""

    def __init__(self, database: URL, **settings: object) -> None:
        self.app = Flask("host")
        self.app.config.update(
            TESTING=True, SECRET_KEY="of the tests", SQLALCHEMY_DATABASE_URI=database, **settings
        )
        self.db = SQLAlchemy(self.app)
        self.prepaid = Prepaid(self.app, self.db, owner=lambda: request.headers.get("X-Owner"))
        self.context = self.app.app_context()
        self.context.push()

    def close(self) -> None:
        self.db.session.remove()
        self.db.engine.dispose()
        self.context.pop()

    def grant(self, credits: int, key: str = "gift") -> None:
        self.prepaid.grant(OWNER, credits, key=key, reason="a gift")
        self.db.session.commit()
