"""Two questions that a load balancer asks: is the process up, and can it serve?"""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from .models import MIGRATIONS, db, prepaid

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
    newest = max(path.name[:4] for path in MIGRATIONS.glob("versions/[0-9]*.py"))
    try:
        with db.engine.connect() as connection:
            is_new = not inspect(connection).has_table("alembic_version")
            have = None if is_new else connection.scalar(text("SELECT version_num FROM alembic_version"))
        is_upgraded = prepaid.is_upgraded()
    except SQLAlchemyError:
        return ["The database does not answer."]
    reasons = [] if have == newest else ["The database is not migrated. Run `flask db upgrade`."]
    if not is_upgraded:
        reasons.append("The prepaid tables are not those of this version. Run `flask prepaid upgrade`.")
    return reasons
