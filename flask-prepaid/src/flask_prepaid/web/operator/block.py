"""Shut a customer out of the host's app, and let them in again."""

from __future__ import annotations

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ...errors import UnknownItem
from .. import page
from . import page as desk
from .plan import known_owner
from .roles import Right


def wanted() -> bool:
    """Whether the form shuts out.

    :raises UnknownItem: It says neither.
    """
    said = request.form.get("do")
    if said not in ("block", "unblock"):
        raise UnknownItem("Say whether to block or to unblock.", field="do")
    return said == "block"


def block() -> ResponseReturnValue:
    """By the host's own function, in one commit with the record of it."""
    who = desk.operator(Right.BLOCK)
    prepaid = page.extension()
    if prepaid.desk.block is None:
        abort(404)
    owner = known_owner(request.form.get("owner", ""))
    try:
        shut = wanted()
        why = desk.reason()
        prepaid.desk.block(owner, shut)
        desk.record(who, Right.BLOCK, owner=owner, reason=why, blocked=shut)
        prepaid.session.commit()
    except PrepaidError as error:
        prepaid.session.rollback()
        flash(str(error), "warning")
    else:
        flash("Blocked: neither a browser nor a key gets in." if shut else "Let in again.", "success")
    return redirect(desk.story_url(owner), 303)
