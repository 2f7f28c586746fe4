"""What machines ask: is the process up, and can it serve? Prometheus asks for more."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from ..migrations.upgrade import behind
from ..rate_limits import rates
from . import metrics

blueprint = Blueprint("health", __name__)
blueprint.add_url_rule("/metrics", view_func=metrics.show)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers. Asks nothing of the database."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """The database is there and migrated; else 503 with the reasons.

    ``warnings`` are what the shop goes on without.
    """
    reasons = not_ready()
    status = "unavailable" if reasons else "ok"
    return jsonify(status=status, reasons=reasons, warnings=warnings()), 503 if reasons else 200


def not_ready() -> list[str]:
    try:
        return behind()
    except SQLAlchemyError:
        return ["The database does not answer."]


def warnings() -> list[str]:
    if not rates.are_away():
        return []
    return ["The counters of limits (RATELIMIT_STORAGE_URI) do not answer: each process counts for itself."]
