"""Operators: who they are, how they find a customer, and the log of what was done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import check_and_update_authn_fresh
from sqlalchemy import delete, select

from flask_prepaid import Operator, Operators, PrepaidError, Role, operator_acts

from . import audit
from .callers import signed_in
from .models import AuditLine, Deed, SignIn, User, db, owner_of

blueprint = Blueprint("operators", __name__)

#: A user with more than one of the roles has the first.
ROLES = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)

#: Money goes back only for one who has signed in so lately, and while they go on from there.
FRESH = timedelta(minutes=10)

#: Customers that one search finds, and lines of the log on one page.
FOUND = 50
LINES = 100


def init_app(app: Flask) -> None:
    operator_acts.connect(note, app)
    app.register_blueprint(blueprint)


def operator() -> Operator | None:
    """Who is at the desk: a user with a role, and with a second factor where that is asked for."""
    user = signed_in()
    role = next((role for role in ROLES if user is not None and user.has_role(role)), None)
    if user is None or role is None:
        return None
    if current_app.config["ADMIN_SECOND_FACTOR"] and not user.tf_primary_method:
        flash("Set up a second factor first: an operator signs in with one.", "warning")
        abort(redirect(url_for("security.two_factor_setup"), 303))
    fresh = check_and_update_authn_fresh(FRESH, FRESH)
    links = (("Audit log", url_for("operators.log")),) if role is Role.ADMIN else ()
    return Operator(user.owner, role, prove=None if fresh else sign_in_again, links=links)


def sign_in_again(back: str) -> str:
    return url_for("security.verify", next=back)


def find(text: str) -> list[str]:
    """The customers whose address begins with ``text``."""
    wanted = select(User.id).where(User.email.startswith(text.lower(), autoescape=True))
    return [owner_of(user_id) for user_id in db.session.scalars(wanted.order_by(User.email).limit(FOUND))]


def names(owners: Iterable[str]) -> dict[str, str]:
    """The address of each customer whose account is open."""
    ids = [int(owner.removeprefix("user:")) for owner in owners if owner.removeprefix("user:").isdigit()]
    rows = db.session.execute(select(User.id, User.email).where(User.id.in_(ids)))
    return {owner_of(user_id): email for user_id, email in rows}


def user_of(owner: str) -> User | None:
    """Whose wallet it is; ``None`` for one that is nobody's."""
    number = owner.removeprefix("user:")
    return db.session.get(User, int(number)) if number.isascii() and number.isdigit() else None


def blocked(owner: str) -> bool:
    user = user_of(owner)
    return user is not None and not user.active and user.closed_at is None


def block(owner: str, shut: bool) -> None:
    """Refuse sign-in and keys, and end every session; or let the customer in again.

    :raises PrepaidError: It is an operator, whose roles an admin takes away first, or a closed account.
    """
    user = user_of(owner)
    if user is None or user.closed_at is not None:
        raise PrepaidError("This account is closed.")
    if shut and user.roles:
        raise PrepaidError("This is an operator. Take their role away first.")
    user.active = not shut
    if shut:
        db.session.execute(delete(SignIn).where(SignIn.user_id == user.id))


OPERATORS = Operators(current=operator, find=find, labels=names, blocked=blocked, block=block)


def note(app: Flask, operator: str, action: str, owner: str | None, reason: str, detail: Any) -> None:
    """Keep what an operator does, in the transaction that does it."""
    audit.note(Deed.OPERATED, actor=operator, did=action, owner=owner, reason=reason, **detail)


@blueprint.get("/admin/audit")
def log() -> ResponseReturnValue:
    """Who did what, when, from where: the newest first."""
    who = operator()
    if who is None:
        if signed_in() is None:
            return redirect(url_for("security.login", next=request.path))
        abort(404)
    if who.role is not Role.ADMIN:
        abort(403)
    before = request.args.get("before", "")
    wanted = select(AuditLine).order_by(AuditLine.id.desc()).limit(LINES)
    if before.isascii() and before.isdigit() and len(before) <= 18:
        wanted = wanted.where(AuditLine.id < int(before))
    deed = request.args.get("deed", "")
    if deed in set(Deed):
        wanted = wanted.where(AuditLine.deed == deed)
    lines = db.session.scalars(wanted).all()
    return render_template(
        "operators/audit.html",
        prepaid_base="base.html",
        operator=who,
        lines=lines,
        deeds=list(Deed),
        deed=deed,
        names=names(line.actor for line in lines),
        older=lines[-1].id if len(lines) == LINES else None,
    )
