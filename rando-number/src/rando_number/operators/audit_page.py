"""What operators do is kept in the audit log, and its page shows all of the log, in sentences."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from flask_prepaid import Role, operator_acts

from .. import audit_log
from ..callers import signed_in
from ..extensions import db
from ..models import Action, AuditLine
from . import audit_words
from .callbacks import addresses, operator

blueprint = Blueprint("operators", __name__)

#: How many lines of the log stand on a page.
LINES_PER_PAGE = 100


def init_app(app: Flask) -> None:
    operator_acts.connect(note, app)
    app.after_request(note_file)
    app.register_blueprint(blueprint)


def note(app: Flask, operator: str, action: str, owner: str | None, reason: str, detail: Any) -> None:
    """Keep what an operator does, in the transaction that does it. The signal names its arguments."""
    audit_log.note(Action.OPERATED, actor=operator, did=action, owner=owner, reason=reason, **detail)


def note_file(response: Response) -> Response:
    """Keep which file an operator takes along: those name all customers, and what they paid."""
    endpoint = request.endpoint or ""
    is_file = endpoint.startswith("prepaid.operator_") and endpoint.endswith("_csv")
    if is_file and response.status_code == 200 and (reader := operator()) is not None:
        audit_log.note(
            Action.OPERATED, actor=reader.name, did="download", file=request.path.rpartition("/")[2]
        )
        db.session.commit()
    return response


@blueprint.get("/admin/audit")
def log() -> ResponseReturnValue:
    """Who did what, when, from where: the newest first."""
    reader = operator()
    if reader is None:
        if signed_in() is None:
            return redirect(url_for("security.login", next=request.path))
        abort(404)
    if reader.role is not Role.ADMIN:
        abort(403)
    before = request.args.get("before", "")
    newest = select(AuditLine).order_by(AuditLine.id.desc()).limit(LINES_PER_PAGE + 1)
    if before.isascii() and before.isdigit() and len(before) <= 18:
        newest = newest.where(AuditLine.id < int(before))
    action = request.args.get("action", "")
    if action in set(Action):
        newest = newest.where(AuditLine.action == action)
    read = db.session.scalars(newest).all()
    lines = read[:LINES_PER_PAGE]
    names = addresses(audit_words.owners_in(lines))
    return render_template(
        "operators/audit.html",
        prepaid_base="base.html",
        operator=reader,
        lines=[(line, audit_words.sentence(line, names)) for line in lines],
        actions=list(Action),
        action=action,
        addresses=names,
        older=lines[-1].id if len(read) > LINES_PER_PAGE else None,
    )
