"""Two questions that a load balancer asks: is the process up, and can it serve?"""

from __future__ import annotations

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from .cli import MIGRATIONS
from .models import db

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers. Asks nothing of the database."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """The database is there and migrated; else 503 with the reasons."""
    reasons = not_ready()
    return jsonify(status="unavailable" if reasons else "ok", reasons=reasons), 503 if reasons else 200


def not_ready() -> list[str]:
    script = ScriptDirectory(MIGRATIONS)
    try:
        with db.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return ["The database does not answer."]
    if set(current) != set(script.get_heads()):
        return ["The database is not migrated. Run `flask db upgrade`."]
    return []
