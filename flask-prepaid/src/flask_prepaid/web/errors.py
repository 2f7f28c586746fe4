"""An error of the extension as an answer: JSON for programs, a page for people."""

from __future__ import annotations

import logging
from copy import copy
from zoneinfo import ZoneInfo

from flask import Response, current_app, jsonify, make_response, request, url_for
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from prepaid_ledger.database import no_right, raising_busy
from prepaid_ledger.errors import BudgetExceeded, Busy, InsufficientCredits, PrepaidError, WalletBlocked

from .. import upgrade
from ..errors import (
    GatewayRefused,
    GatewayUnavailable,
    NotSignedIn,
    TablesMissing,
    TooMany,
    TooManyAttempts,
    UnknownItem,
    WrongMethod,
)
from ..gateway import no_answer
from ..keys.windows import WINDOWS
from ..languages import formats, units
from ..languages.choice import ENGLISH, current
from ..languages.words import gettext as _
from ..languages.words import marked
from ..payments import refusals
from . import page
from .programs import API, wants_json
from .visitors import spenders

log = logging.getLogger(__name__)

#: What a customer is told where the error itself speaks to operators.
FOR_PEOPLE: dict[type[PrepaidError], str] = {
    GatewayUnavailable: marked(
        "The payment service does not answer right now. It is not known yet whether your "
        "last step got through, so do not pay twice: look at your payments first, and try again in a minute."
    ),
    GatewayRefused: marked(
        "The payment service refused this. Nothing was charged. Please tell us if it goes on."
    ),
}

#: What is said in place of that where no money was on its way: to who sees cards, and to operators.
NOTHING_PAID = marked(
    "The payment service does not answer right now. Nothing is charged by this step. Try again in a minute."
)
TO_OPERATORS = (
    "Stripe does not answer right now, so it is not known whether your last step was done. Look at its page "
    "before you do it once more."
)

#: What is said where Stripe did not answer before it was asked to charge a card.
NOT_CHARGED = marked(
    "The payment service does not answer right now. No card was charged, so you can try again."
)

#: The headings of pages of errors, by the error's code; that of all others is the last.
HEADINGS = {
    "insufficient_credits": marked("Not enough credits"),
    "budget_exceeded": marked("The limit is reached"),
    "": marked("That did not work"),
}

#: The pages of cards.
OF_CARDS = ("prepaid.cards", "prepaid.add_card", "prepaid.card", "prepaid.choose_card", "prepaid.remove_card")

#: The page that lists what was paid, and keeps whom invoices name.
OF_INVOICES = "prepaid.billing"

#: Calls of the API that ask Stripe and pay nothing.
PAYS_NOTHING = tuple(
    f"prepaid.{API}{name}"
    for name in ("card_list", "card_add", "card_correct", "card_choose", "card_remove", "plan_preview")
)

#: Pages that only look when they are opened, and do what they say when their form is sent.
ASKS_FIRST = ("prepaid.change_plan", "prepaid.cancel_plan")


def answer(error: PrepaidError) -> Response:
    """What the client is told, with the error's own status."""
    if isinstance(error, TooManyAttempts):
        refusals.count(error.code, str(error))
    url, label = way_on(error)
    return _answer(error, words(error), heading=heading(error), way_on=url, label=label)


def not_charged(error: GatewayUnavailable, *, again: str) -> Response:
    """What is told where nothing can have been paid: Stripe's page did not open, or no card was on its way.

    :param again: The page of the form, with its choice as it was.
    """
    message = with_advice(_(NOT_CHARGED), error)
    heading, label = _("Nothing was charged"), _("Try again")
    return _answer(error, message, heading=heading, way_on=again, label=label, or_billing=True)


def _answer(error: PrepaidError, message: str, **shown: str | bool) -> Response:
    """JSON, or a page of what is ``shown``: its heading, its button, and whether billing stands beside it."""
    if wants_json():
        response = jsonify(
            {"status": "FAILURE", "error": {"code": error.code, "message": message, **details(error)}}
        )
    else:
        response = make_response(page.render("error.html", error=error, message=message, **shown))
    response.status_code = error.http_status
    if error.http_status == 503:
        response.headers["Retry-After"] = "5"
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, WrongMethod):
        response.headers["Allow"] = ", ".join(error.methods)
    if isinstance(error, NotSignedIn) and page.context().app_keys is not None:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def heading(error: PrepaidError) -> str:
    """The heading of the page of an error."""
    if isinstance(error, GatewayUnavailable) and not pays_nothing():
        return _("Nothing was charged") if error.charges_nothing else _("Not known yet")
    return _(HEADINGS.get(error.code, HEADINGS[""]))


def way_on(error: PrepaidError) -> tuple[str, str]:
    """The one button of the page of an error: an address of ours, and its words; empty where none helps."""
    endpoint = request.endpoint or ""
    if isinstance(error, InsufficientCredits | UnknownItem) and page.pays():
        return url_for("prepaid.buy"), _("Buy Credits")
    if of_operators(endpoint):
        return url_for("prepaid.operator"), "Overview"
    if (
        isinstance(error, BudgetExceeded)
        or not page.pays()
        or (not of_ours(endpoint) and not of_money(error))
    ):
        return "", ""
    if endpoint in OF_CARDS:
        return url_for("prepaid.cards"), _("Back to your cards")
    if "plan" in endpoint:
        return url_for("prepaid.plan"), _("Back to your plan")
    if isinstance(error, GatewayUnavailable | GatewayRefused):
        return url_for("prepaid.billing"), _("See your payments")
    return url_for("prepaid.buy"), _("Buy Credits")


def of_ours(endpoint: str) -> bool:
    return endpoint.startswith("prepaid.")


def of_money(error: PrepaidError) -> bool:
    """Whether a view of the host's failed for what is bought or paid on our pages."""
    return isinstance(error, WalletBlocked | GatewayUnavailable | GatewayRefused)


def of_operators(endpoint: str) -> bool:
    return endpoint.startswith("prepaid.operator")


def explained(error: DBAPIError) -> PrepaidError | DBAPIError:
    """What is behind a refusal of the database; the refusal itself, if nothing of ours is.

    Tables are not there yet, or the app's user has no right to use them.
    """
    context = page.context()
    context.session.rollback()
    try:
        behind = no_right(error) or " ".join(upgrade.behind(context.engine))
    except DBAPIError:
        return error
    if not behind:
        return error
    log.error("%s", behind)
    return TablesMissing(behind if current_app.debug else "This shop is being set up. Try again soon.")


def answer_database(error: DBAPIError | NoConnectionFree) -> Response:
    """What the client of a page is told where the database refuses, or does not get to it.

    :raises DBAPIError: It is no matter of time or of missing tables, and the host answers no such error.
    """
    cause = explained(error) if isinstance(error, DBAPIError) else error
    if isinstance(cause, PrepaidError):
        return answer(cause)
    of_host = current_app.error_handler_spec[None][None]
    handler = next((of_host[kind] for kind in type(cause).__mro__ if kind in of_host), None)
    if handler is None:
        try:
            with raising_busy():
                raise cause
        except Busy as busy:
            return answer(busy)
    return make_response(current_app.ensure_sync(handler)(cause))


def words(error: PrepaidError) -> str:
    """What a customer is told; in debug mode the developer, too."""
    if isinstance(error, BudgetExceeded):
        error = with_name_of_spender(error)
    message = _(FOR_PEOPLE[type(error)]) if type(error) in FOR_PEOPLE else of_credits(error)
    if isinstance(error, GatewayUnavailable) and of_operators(request.endpoint or ""):
        message = TO_OPERATORS
    elif isinstance(error, GatewayUnavailable) and pays_nothing():
        message = _(NOTHING_PAID)
    elif isinstance(error, GatewayUnavailable) and error.charges_nothing:
        message = _(NOT_CHARGED)
    if isinstance(error, GatewayRefused) and error.request_id:
        message += " " + _("Stripe's name for the request is %(name)s.", name=error.request_id)
    return with_advice(message, error)


def with_advice(message: str, error: PrepaidError) -> str:
    """The message; in debug mode also how the emulator is started that does not answer."""
    base = page.context().config.api_base
    if isinstance(error, GatewayUnavailable) and current_app.debug and base:
        log.warning("%s", no_answer.advice(base))
        message += f" {no_answer.advice(base)}"
    return message


def pays_nothing() -> bool:
    """Whether this request moves no money, such as one that only shows a plan's next invoice."""
    endpoint = request.endpoint or ""
    return endpoint in (*OF_CARDS, *PAYS_NOTHING, OF_INVOICES) or (
        endpoint in ASKS_FIRST and request.method in ("GET", "HEAD")
    )


def of_credits(error: PrepaidError) -> str:
    """The error's own sentence in the reader's language, with credits as they are written there."""
    if isinstance(error, BudgetExceeded) and not wants_json():
        return of_budget(error)
    if current() == ENGLISH:
        return error.message(units.current())
    if isinstance(error, InsufficientCredits):
        return _(
            "%(needed)s needed, %(available)s available",
            needed=formats.credits(error.needed),
            available=formats.number(error.available),
        )
    if isinstance(error, WalletBlocked):
        return _("%(credits)s owed; the next purchase pays that first", credits=formats.credits(error.debt))
    return _(str(error))


def of_budget(error: BudgetExceeded) -> str:
    """What a person reads of a budget that has too little left, with the day by the clocks of its zone."""
    values = {
        "limit": f"{formats.credits(error.credits)} {_(WINDOWS[error.every or 'ever'])}",
        "left": formats.number(error.left),
        "needed": formats.number(error.needed),
    }
    if error.spender is None:
        words = _("The limit of %(limit)s has %(left)s left, and this needs %(needed)s.", **values)
    else:
        words = _(
            "The limit of %(name)s, %(limit)s, has %(left)s left, and this needs %(needed)s.",
            name=error.spender,
            **values,
        )
    if error.resets_at is None:
        return words
    resets_at = formats.moment(error.resets_at, ZoneInfo(error.zone))
    return f"{words} {_('It begins anew on %(time)s.', time=resets_at)}"


def with_name_of_spender(error: BudgetExceeded) -> BudgetExceeded:
    """The error, with what its owner calls the API key, or the host the member, in place of ``key:17``."""
    if error.spender is None:
        return error
    named = copy(error)
    named.spender = spenders.name_of(error.owner, error.spender)
    return named


def details(error: PrepaidError) -> dict[str, int | str | None]:
    """What a program needs to act on the error."""
    if isinstance(error, UnknownItem):
        return {"param": error.field}
    if isinstance(error, GatewayRefused) and error.request_id:
        return {"request_id": error.request_id}
    if isinstance(error, InsufficientCredits | BudgetExceeded):
        values = {
            name: units.plain(value) if isinstance(value, int) else value
            for name, value in error.details.items()
        }
        if isinstance(error, InsufficientCredits) and page.pays():
            values["buy_url"] = url_for("prepaid.buy", _external=True)
        return values
    return error.details
