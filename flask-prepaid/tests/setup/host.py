"""The app in which a developer sets it up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_prepaid import Prepaid

TEST_KEYS = {
    "PREPAID_STRIPE_SECRET_KEY": "sk_test_shop",
    "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_test_shop",
    "PREPAID_STRIPE_WEBHOOK_SECRET": "whsec_shop",
}


def app_with(tmp_path: Path, **settings: Any) -> Flask:
    """An app with its database, in whose settings something may be wrong."""
    app = Flask("host", root_path=str(tmp_path))
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/db.sqlite3", **TEST_KEYS)
    app.config.update(settings)
    return app


def start(app: Flask, **arguments: Any) -> None:
    """Make its ``Prepaid``, which looks at everything that is set."""
    db = SQLAlchemy(app)
    try:
        Prepaid(app, db, **arguments)
    finally:
        with app.app_context():
            db.engine.dispose()
