"""Cards on file: list, add, correct, choose, remove."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger import clock
from prepaid_ledger.errors import PrepaidError

from ..catalog import whole
from ..errors import GatewayRefused, GatewayUnavailable, NotYours, UnknownItem
from ..payments.customers import known_customer
from ..purchases import cards, topups
from . import page

#: What the form of a card may hold besides its expiry, and how long each may be.
ADDRESS = {"line1": 200, "city": 100, "postal_code": 20, "country": 2}
LONGEST_NAME = 150


def listing() -> ResponseReturnValue:
    """The customer's cards, fetched afresh; the copy that we have if Stripe does not answer."""
    return overview(page.customer())


def overview(owner: str, error: PrepaidError | None = None) -> str:
    prepaid = page.extension()
    customer_id = known_customer(prepaid.session, owner)
    prepaid.session.commit()
    if customer_id is not None:
        try:
            cards.refresh(prepaid, customer_id)
            prepaid.session.commit()
        except (GatewayUnavailable, GatewayRefused):
            prepaid.session.rollback()
    topup = topups.setting(prepaid.session, owner)
    return page.render(
        "cards.html",
        cards=cards.saved(prepaid.session, owner),
        default=cards.default_card(prepaid.session, owner),
        topup=topup,
        spent=topups.spent(prepaid, topup) if topup else None,
        written=request.form,
        packs=prepaid.catalog.packs.values(),
        error=error,
        expires_soon=lambda card: cards.expires_soon(card, clock.wall()),
    )


def add() -> ResponseReturnValue:
    """On to Stripe's page, or to Stripe's elements on ours: a card is left there, and nothing is paid."""
    prepaid, back = page.extension(), url_for("prepaid.cards", _external=True)
    here = "here" in request.form
    opened = cards.open_page(prepaid, page.customer(), success_url=back, cancel_url=None if here else back)
    if not here:
        return redirect(opened.url or back, 303)
    return page.render("card_new.html", client_secret=opened.client_secret)


def edit(card_id: str) -> ResponseReturnValue:
    """What is printed on the card, and where its bill goes. The number never changes."""
    owner = page.customer()
    prepaid = page.extension()
    card = cards.fetch(prepaid, owner, card_id)
    if request.method == "GET":
        return page.render("card.html", card=card, error=None)
    month, year = request.form.get("exp_month", ""), request.form.get("exp_year", "")
    if not is_month(month, year):
        error = "Write the month as 1 to 12 and the year in four digits, as they stand on the card."
        return page.render("card.html", card=card, error=error), 422
    address = {name: request.form.get(name, "").strip()[:most] for name, most in ADDRESS.items()}
    name = request.form.get("name", "").strip()[:LONGEST_NAME]
    try:
        cards.correct(
            prepaid, owner, card_id, exp_month=int(month), exp_year=int(year), name=name, address=address
        )
    except GatewayRefused as refused:
        return page.render("card.html", card=card, error=str(refused)), 422
    return redirect(url_for("prepaid.cards"), 303)


def is_month(month: str, year: str) -> bool:
    digits = month.isascii() and month.isdigit() and year.isascii() and year.isdigit()
    return digits and len(month) <= 2 and 1 <= int(month) <= 12 and len(year) == 4 and int(year) >= 2000


def top_up() -> ResponseReturnValue:
    """Switch auto top-up on, with its pack, threshold and how often a month at most, or off."""
    owner = page.customer()
    prepaid = page.extension()
    if "off" in request.form:
        topups.switch_off(prepaid, owner)
        return redirect(url_for("prepaid.cards"), 303)
    try:
        pack = request.form.get("pack", "")
        price = prepaid.catalog.offer(pack=pack).amount_minor
        times = whole(request.form.get("times"))
        threshold = whole(request.form.get("threshold"))
        topups.switch_on(prepaid, owner, pack=pack, threshold=threshold, ceiling_minor=times * price)
    except (UnknownItem, NotYours) as error:
        return overview(owner, error), 422
    return redirect(url_for("prepaid.cards"), 303)


def choose(card_id: str) -> ResponseReturnValue:
    cards.choose(page.extension(), page.customer(), card_id)
    return redirect(url_for("prepaid.cards"), 303)


def remove(card_id: str) -> ResponseReturnValue:
    """At once, but where a plan or auto top-up pays with it: then what comes of that is said first."""
    prepaid, owner = page.extension(), page.customer()
    needed = None if "sure" in request.form else cards.needed(prepaid, owner, card_id)
    if needed is not None:
        return page.render("card_remove.html", needed=needed)
    cards.remove(prepaid, owner, card_id)
    return redirect(url_for("prepaid.cards"), 303)
