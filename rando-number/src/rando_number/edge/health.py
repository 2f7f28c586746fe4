"""Two questions that a load balancer asks: is the process up, and can it serve?"""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from ..migrations.upgrade import behind

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
    try:
        return behind()
    except SQLAlchemyError:
        return ["The database does not answer."]
