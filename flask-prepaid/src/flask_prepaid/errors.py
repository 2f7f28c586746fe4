"""What can go wrong, and its HTTP status.

ConfigError                  a setting, a price list or an argument is wrong: stops the app at start
PrepaidError                 and those of credits: see prepaid_ledger.errors
├── UnknownItem              no such pack or plan, or a quantity out of bounds  422
│   └── AboveShown           a plan's first payment is of more than was shown
├── PlanRefused              the plan does not stand so that this can be done  409
├── TooMany                  too much was tried in too short a time             429
│   ├── TooManyAttempts      one customer, or all of them, try too often
│   ├── TooManyGuesses       too many codes were tried that give nothing
│   └── TooManyCalls         one owner's programs call too often
├── CodeRefused              the code gives this customer nothing               422
├── CodeTaken                a code of that name gives something else           409
├── BuyingPaused             the operator has switched buying off               503
├── CardDeclined             the bank said no, with its reason                  402
├── CardNeedsOwner           the bank wants its customer on the page            402
├── CardInUse                a plan or auto top-up pays with the card           409
├── NoCard                   nothing is on file that could pay                  409
├── PayersOnly               who asks does not pay for their team                403
├── NotSignedIn              the page is a customer's, and nobody is signed in  401
├── BadIdempotencyKey        the name of a request is none                      400
├── IdempotencyConflict      it stands for another request                      409
├── BadBody                  a call's body is no object of JSON                 400
├── NoSuchCall               the JSON API has no call there                     404
├── WrongMethod              the JSON API has it by another method              405
├── FormExpired              the form is not from one of our pages, or old      400
├── BadKey                   a request names what it pays for by an empty text   400
├── AlreadyPaid              this was done, and paid for, under the same key    409
├── StillRunning             this is being done just now, under the same key    409
├── TablesMissing            ``flask prepaid upgrade`` was not run              503
├── BadSignature             not from Stripe, or too old, or from the future    400
├── NotYours                 the object belongs to somebody else                404
├── GatewayRefused           Stripe refused the request; nothing came of it     502
└── GatewayUnavailable       Stripe did not answer; what came of it is unknown  503

The world's errors are raised and handled. Our own mistakes are asserts, never caught.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from prepaid_ledger.errors import PrepaidError


class ConfigError(click.ClickException, ValueError):
    """A setting, a price list, or an argument of ``Prepaid`` is wrong.

    It is raised where that is written, when the app starts or is imported. The message names it and says
    what to do; the ``flask`` command prints only that.
    """


class UnknownItem(PrepaidError):
    """The catalogue has no such pack or plan, or does not sell that quantity."""

    http_status = 422
    code = "unknown_item"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class AboveShown(UnknownItem):
    """A plan's first payment is of more than its customer was shown, so no card was charged.

    Amounts in the smallest unit of ``currency``. ``total_minor`` is what would be charged, with ``tax_minor``
    of tax and what is owed at Stripe from before, ``owed_minor``. ``quantity``: the plan is wanted so many
    times over, and its page showed the price of fewer.
    """

    def __init__(
        self, total_minor: int, *, tax_minor: int, owed_minor: int, currency: str, quantity: int = 1
    ) -> None:
        super().__init__(
            f"The first payment is {total_minor} in minor units, {tax_minor} of them tax, {owed_minor} owed "
            "from before. Nothing is charged: show that total, and send it as max_minor under a new "
            "Idempotency-Key.",
            field="max_minor",
        )
        self.total_minor, self.tax_minor, self.owed_minor = total_minor, tax_minor, owed_minor
        self.currency, self.quantity = currency, quantity


class PlanRefused(PrepaidError):
    """The owner's plan, or its past, does not allow this. The message says why, and what to do."""

    http_status = 409
    code = "plan_refused"


class TooMany(PrepaidError):
    """Too much was tried in too short a time. In ``retry_after_s`` seconds the limit has room again."""

    http_status = 429

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def details(self) -> dict[str, int | str | None]:
        return {"retry_after": self.retry_after_s}


class TooManyAttempts(TooMany):
    """Too many attempts to pay within an hour, as card testers make. Stripe was not asked."""

    code = "too_many_attempts"


class TooManyGuesses(TooMany):
    """Too many codes within an hour that give nothing."""

    code = "too_many_guesses"


class CodeRefused(PrepaidError):
    """A code gives this owner nothing: it is no code, it is over, or they have its credits already."""

    http_status = 422
    code = "code_refused"


class CodeTaken(PrepaidError):
    """A code of that name is there, and gives something else."""

    http_status = 409
    code = "code_taken"


class BuyingPaused(PrepaidError):
    """``PREPAID_SELLING`` is off. Nothing was asked of Stripe; credits can be spent as ever."""

    http_status = 503
    code = "buying_paused"


class CardDeclined(PrepaidError):
    """The bank said no. ``reason`` is Stripe's decline code; show it to operators only."""

    http_status = 402
    code = "card_declined"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class CardNeedsOwner(PrepaidError):
    """The bank wants its customer to confirm the payment on a page."""

    http_status = 402
    code = "authentication_required"


class CardInUse(PrepaidError):
    """A card stays on file: a plan or auto top-up pays with it, and nobody has said that they are sure."""

    http_status = 409
    code = "card_in_use"


class NoCard(PrepaidError):
    """What charges a card by itself can't begin: the owner has none on file. Save one first."""

    http_status = 409
    code = "no_card"


class PayersOnly(PrepaidError):
    """Who asks does not pay for the owner, as ``Prepaid(team=Team(pays=...))`` says."""

    http_status = 403
    code = "payers_only"


class NotSignedIn(PrepaidError):
    """The request names no customer, or comes with an API key that opens nothing.

    A browser is led to the host's login, if there is one.
    """

    http_status = 401
    code = "unauthenticated"


class TooManyCalls(TooMany):
    """An owner's programs, or an address with wrong keys, have called too often this minute.

    ``headers`` are those of the answer that say how much there is, and when again.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int, headers: Mapping[str, str]) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.headers = headers


class BadIdempotencyKey(PrepaidError):
    """An ``Idempotency-Key`` is empty, too long, or no plain text. Nothing was sold."""

    http_status = 400
    code = "malformed"


class IdempotencyConflict(PrepaidError):
    """An ``Idempotency-Key`` came a second time with another request. Nothing was sold."""

    http_status = 409
    code = "idempotency_conflict"


class BadBody(PrepaidError):
    """The body of a call is no object of JSON, or too long. Nothing was done."""

    http_status = 400
    code = "malformed"


class NoSuchCall(PrepaidError):
    """The JSON API has no call at this address."""

    http_status = 404
    code = "not_found"


class WrongMethod(PrepaidError):
    """The JSON API has a call at this address, by another method. ``methods`` are those."""

    http_status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, *, methods: Sequence[str]) -> None:
        super().__init__(message)
        self.methods = methods


class FormExpired(PrepaidError):
    """The form's token is not that of the session, as with a form of another site. Nothing was done."""

    http_status = 400
    code = "form_expired"


class BadKey(PrepaidError):
    """The key of a request for a view that costs credits is empty. The view did not run."""

    http_status = 400
    code = "bad_key"


class AlreadyPaid(PrepaidError):
    """A view that costs credits was asked again under a key that has paid. It did not run again."""

    http_status = 409
    code = "already_paid"


class StillRunning(PrepaidError):
    """A view that costs credits is at work under the same key. It did not run a second time."""

    http_status = 409
    code = "still_running"


class TablesMissing(PrepaidError):
    """The tables are not there, or not those of this version. Run ``flask prepaid upgrade``."""

    http_status = 503
    code = "unavailable"


class BadSignature(PrepaidError):
    """The body did not come from Stripe just now. Nothing was kept."""

    http_status = 400
    code = "bad_signature"


class NotYours(PrepaidError):
    """The object belongs to another owner; to the asker it does not exist."""

    http_status = 404
    code = "not_found"


class GatewayRefused(PrepaidError):
    """Stripe refused the request itself: nothing came of it.

    ``missing`` names what does not exist, ``reason`` is Stripe's own code, ``param`` the parameter at fault,
    and ``request_id`` finds the request in Stripe's dashboard.
    """

    http_status = 502
    code = "gateway_refused"

    def __init__(
        self,
        message: str,
        *,
        missing: str | None = None,
        reason: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.missing = missing
        self.reason = reason
        self.param = param
        self.request_id = request_id


class GatewayUnavailable(PrepaidError):
    """Stripe did not answer. What was asked may have happened: never ask again with another key."""

    http_status = 503
    code = "gateway_unavailable"
    #: Whether no card can have been charged: Stripe was asked for a page that nobody has seen, or before.
    charges_nothing = False
    #: Whether Stripe keeps this answer under the request's key, for a day or longer: to ask again under it
    #: tells no more. What was asked is over, so it can be looked for.
    key_is_spent = False
