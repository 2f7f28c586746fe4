"""What the extension asks of the shop for its operators: who they are, how a customer is found or blocked."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from datetime import timedelta

from flask import abort, current_app, flash, redirect, session, url_for
from sqlalchemy import select, update

from flask_prepaid import Operator, Operators, PrepaidError, Role

from ..callers import signed_in
from ..extensions import db
from ..models import User, end_sign_ins, user_of
from ..owners import owner_of, user_id_of

#: A user with more than one of the roles has the first.
ROLES = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)

#: An operator refunds only within this time of a sign-in, or of a password that was asked for again.
#: Looking at pages does not make it longer.
FRESH = timedelta(minutes=10)

#: How many customers a search shows.
MAX_FOUND = 50


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
    fresh = time.time() - session.get("fs_paa", 0) < FRESH.total_seconds()
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
