"""Operators: who they are, how they find and block a customer, and the page of the audit log."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import check_and_update_authn_fresh
from sqlalchemy import select, update

from flask_prepaid import Operator, Operators, PrepaidError, Role, operator_acts

from .. import audit_log
from ..callers import signed_in
from ..extensions import db
from ..models import Action, AuditLine, User, end_sign_ins, user_of
from ..owners import owner_of, user_id_of
from . import audit_words

blueprint = Blueprint("operators", __name__)

#: A user with more than one of the roles has the first.
ROLES = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)

#: An operator refunds only within this time of a sign-in, or of the refund before.
FRESH = timedelta(minutes=10)

#: How many customers a search shows, and how many lines of the log stand on a page.
MAX_FOUND = 50
LINES_PER_PAGE = 100


def init_app(app: Flask) -> None:
    operator_acts.connect(note, app)
    app.register_blueprint(blueprint)


def operator() -> Operator | None:
    """The operator who is signed in: a user with a role, and with a second factor where that is required.

    A role of an address that nobody has confirmed opens nothing: somebody else may have registered it.
    """
    user = signed_in()
    role = next((role for role in ROLES if user is not None and user.has_role(role)), None)
    if user is None or role is None or user.is_unproven:
        return None
    if current_app.config["ADMIN_SECOND_FACTOR"] and not user.tf_primary_method:
        flash("Set up two-step sign-in first: an operator signs in with it.", "warning")
        abort(redirect(url_for("security.two_factor_setup"), 303))
    fresh = check_and_update_authn_fresh(FRESH, FRESH)
    links = (("Audit log", url_for("operators.log")),) if role is Role.ADMIN else ()
    return Operator(user.owner, role, prove=None if fresh else sign_in_again, links=links)


def sign_in_again(back: str) -> str:
    return url_for("security.verify", next=back)


def find(text: str) -> list[str]:
    """The customers whose address begins with ``text``."""
    user_ids = select(User.id).where(User.email.startswith(text.lower(), autoescape=True))
    user_ids = user_ids.order_by(User.email).limit(MAX_FOUND)
    return [owner_of(user_id) for user_id in db.session.scalars(user_ids)]


def addresses(owners: Iterable[str]) -> dict[str, str]:
    """The mail address of each owner who is a customer of ours."""
    user_ids = [user_id for owner in owners if (user_id := user_id_of(owner)) is not None]
    rows = db.session.execute(select(User.id, User.email).where(User.id.in_(user_ids)))
    return {owner_of(user_id): email for user_id, email in rows}


def blocked(owner: str) -> bool:
    return bool(blocked_among([owner]))


def blocked_among(owners: Collection[str]) -> list[str]:
    user_ids = [user_id for owner in owners if (user_id := user_id_of(owner)) is not None]
    shut = select(User.id).where(User.id.in_(user_ids), User.active.is_(False), User.closed_at.is_(None))
    return [owner_of(user_id) for user_id in db.session.scalars(shut)]


def block(owner: str, shut: bool) -> None:
    """Refuse sign-in and keys, and end every session; or let the customer in again.

    :raises PrepaidError: It is an operator, whose roles an admin takes away first, or a closed account.
    """
    user = user_of(owner)
    if user is None or user.closed_at is not None:
        raise PrepaidError("This account is closed.")
    if shut and user.roles:
        raise PrepaidError("This is an operator. Take their role away first.")
    db.session.execute(update(User).where(User.id == user.id).values(active=not shut))
    if shut:
        end_sign_ins(user.id)


#: What the extension's pages ask of us.
CALLBACKS = Operators(
    current=operator,
    find=find,
    labels=addresses,
    blocked=blocked,
    blocked_among=blocked_among,
    block=block,
)


def note(app: Flask, operator: str, action: str, owner: str | None, reason: str, detail: Any) -> None:
    """Keep what an operator does, in the transaction that does it. The signal names its arguments."""
    audit_log.note(Action.OPERATED, actor=operator, did=action, owner=owner, reason=reason, **detail)


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
