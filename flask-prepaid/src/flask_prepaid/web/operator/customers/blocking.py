"""A customer is shut out of the host's app, or let in again; what charges by itself stops, or goes on."""

from __future__ import annotations

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ....context import transaction
from ....errors import GatewayUnavailable
from ....purchases import stop_reasons
from ....purchases.auto_topup import topups
from ....subscriptions import blocking
from ... import forms
from .. import page
from ..roles import Right

BLOCKED = "Blocked: neither a browser nor a key gets in, and nothing is charged by itself."


def block() -> ResponseReturnValue:
    """Shut a customer out of the host's app, or let them in again.

    By the host's own function, in one commit with the record of it.
    """
    operator = page.operator(Right.BLOCK)
    context = page.context()
    if context.operators.block is None:
        abort(404)
    owner = page.known_owner(request.form.get("owner", ""))
    try:
        shut, reason = shuts_out(), forms.reason()
        with transaction(context):
            context.operators.block(owner, shut)
            if shut:
                topups.stop(context, owner, stop_reasons.BLOCKED)
            page.record(operator, Right.BLOCK, owner=owner, reason=reason, blocked=shut)
        blocking.check(context, owner)
    except GatewayUnavailable:
        flash("Stripe does not answer: the plan's payments follow within a minute.", "warning")
    except PrepaidError as error:
        flash(str(error), "warning")
    else:
        flash(BLOCKED if shut else "Let in again. A plan is charged again; auto top-up stays off.", "success")
    return redirect(page.customer_url(owner), 303)


def shuts_out() -> bool:
    """Whether the form blocks, or unblocks.

    :raises UnknownItem: It says neither.
    """
    return forms.one_of("do", ("block", "unblock"), "Say whether to block or to unblock.") == "block"
