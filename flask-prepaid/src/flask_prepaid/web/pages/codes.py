"""Redeem a code: a small form, on a page of its own and on the page where credits are bought."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import KeyReused, PrepaidError

from ...codes import redeeming
from ...codes.models import CodeClaim
from ...errors import CodeRefused, TooManyGuesses
from ...languages import formats
from ...languages.words import gettext as _
from .. import forms, page


def redeem() -> ResponseReturnValue:
    """The form, or what came of it: the page again, with the new balance or with what to do."""
    owner = page.customer()
    if request.method == "GET":
        return form(owner)
    try:
        claim = redeem_code(owner)
    except (CodeRefused, KeyReused, TooManyGuesses) as error:
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, TooManyGuesses) else {}
        return form(owner, error), error.http_status, headers
    flash(_("%(credits)s added by your code.", credits=formats.credits(claim.credits)), "success")
    return redirect(url_for("prepaid.redeem"), 303)


def redeem_code(owner: str) -> CodeClaim:
    """Redeem the code that was sent. Commits."""
    return redeeming.redeem(page.context(), owner, forms.sent().get("code", "")[:255], key=forms.attempt())


def form(owner: str, error: PrepaidError | None = None) -> str:
    """The page, with what is wrong, and what was typed."""
    return page.render(
        "redeem.html",
        balance=page.context().ledger.balance(owner),
        error=error,
        code=forms.line(request.form, "code", max_length=64),
        attempt=forms.new_attempt,
    )
