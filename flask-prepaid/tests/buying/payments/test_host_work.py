"""A host with work of its own in the session: pages and the webhook answer; verbs that ask Stripe refuse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Response
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_prepaid import Operator, Operators, Plan, signals
from flask_prepaid.gateway.payments.checkout import WaysBack
from flask_prepaid.operations import reconcile
from flask_prepaid.payments.models import Attempt
from flask_prepaid.payments.wishes import Wish
from flask_prepaid.purchases import charging, own_payments, payment_checks
from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.purchases.checkout import checkout_pages
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.purchases.saved_cards import cards
from flask_prepaid.reports.balance import copying
from flask_prepaid.subscriptions import changing, previews
from flask_prepaid.subscriptions.beginning import subscribing
from flask_prepaid.subscriptions.beginning.beginnings import PlanChoice
from flask_prepaid.web.operator.roles import Role
from prepaid_ledger.errors import KeyReused

from ..shop import Shop, ShopWith

PLAN = Plan("basic", credits=1_000, amount_minor=1_000, name="Basic", trial_days=7)
REFUSED = "Commit or roll back your own work"


class HostTable(DeclarativeBase):
    pass


class Seen(HostTable):
    """One row for each request, as a host keeps it."""

    __tablename__ = "host_seen"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]


def note(shop: Shop) -> None:
    shop.prepaid.session.add(Seen(at=datetime.now(UTC)))


def create_table(shop: Shop) -> None:
    shop.read(lambda: HostTable.metadata.create_all(shop.prepaid.engine))


def noted(shop: Shop) -> int:
    return int(shop.read(lambda: shop.prepaid.session.scalar(select(func.count()).select_from(Seen))))


def note_each_request(shop: Shop) -> None:
    """Once the app's config says ``NOTES``."""
    create_table(shop)

    @shop.app.before_request
    def _() -> None:
        if shop.app.config.get("NOTES"):
            note(shop)

    @shop.app.after_request
    def _(answer: Response) -> Response:
        shop.prepaid.session.commit()
        return answer


@pytest.fixture
def plan_shop(shop_with: ShopWith) -> Shop:
    """A shop whose customer has a saved card, a plan and a payment. From then on it notes each request."""
    shop = shop_with(plans=[PLAN])
    shop.prepaid.operators = Operators(
        current=lambda: Operator("boss", Role.ADMIN, prove=None),
        block=lambda owner, shut: None,
        blocked=lambda owner: False,
    )
    note_each_request(shop)
    card = shop.keep_card()
    shop.press(card)
    shop.send_form(shop.browser(), "/prepaid/plan", plan="basic", saved_card=card)
    shop.stripe.deliver()
    shop.tick()
    shop.app.config["NOTES"] = True
    return shop


def test_the_webhook_answers_200(shop: Shop) -> None:
    shop.app.config["NOTES"] = True
    note_each_request(shop)
    page = shop.read(
        lambda: checkout_pages.open_checkout(
            shop.prepaid,
            "user:1",
            shop.prepaid.catalog.offer(pack="starter"),
            ways_back=WaysBack("https://shop.example/?session_id={CHECKOUT_SESSION_ID}", None),
        )
    )

    shop.pay(page.id)

    assert shop.balance() == 100
    assert {event.outcome for event in shop.inbox()} == {"done"}
    assert noted(shop) == len(shop.inbox())


@pytest.mark.parametrize(
    "path",
    [
        "/prepaid/buy",
        "/prepaid/cards",
        "/prepaid/plan",
        "/prepaid/admin",
        "/prepaid/admin/customers",
        "/prepaid/admin/customers/user:1",
        "/prepaid/admin/plan?owner=user:1",
        "/prepaid/admin/payments",
        "/prepaid/admin/inbox",
        "/prepaid/admin/compare",
    ],
)
def test_a_page_is_shown(plan_shop: Shop, path: str) -> None:
    assert plan_shop.browser().get(path).status_code == 200
    assert noted(plan_shop) == 1


@pytest.mark.parametrize(
    ("form", "path", "fields"),
    [
        ("customers/user:1", "grant", {"credits": "5", "reason": "kind"}),
        ("customers/user:1", "block", {"do": "block", "reason": "rude"}),
        ("plan?owner=user:1", "plan", {"do": "cancel", "reason": "asked"}),
        ("customers/user:1", "inbox/replay", {"all": "1"}),
    ],
)
def test_an_operators_form_does_what_it_says(
    plan_shop: Shop, form: str, path: str, fields: dict[str, str]
) -> None:
    shop, place = plan_shop, "/prepaid/admin"
    answer = shop.send_form(
        shop.browser(), f"{place}/{form}".rstrip("/"), to=f"{place}/{path}", owner="user:1", **fields
    )
    assert answer.status_code in (200, 303), answer.text


VERBS: dict[str, Callable[[Any, str], object]] = {
    "open a page to pay on": lambda prepaid, card: checkout_pages.open_checkout(
        prepaid,
        "user:1",
        prepaid.catalog.offer(pack="starter"),
        ways_back=WaysBack("", None),
    ),
    "charge a card": lambda prepaid, card: charging.charge_card(
        prepaid, "user:1", prepaid.catalog.offer(pack="starter"), card, return_url=str
    ),
    "come back to a payment": lambda prepaid, card: own_payments.come_back_to(prepaid, "user:1", 1),
    "resume a payment": lambda prepaid, card: charging.resume(prepaid, "user:1", 1, return_url=""),
    "check a payment": lambda prepaid, card: payment_checks.check_with_stripe(prepaid, 1),
    "refund": lambda prepaid, card: refunds.refund(prepaid, 1, reason="asked"),
    "open a page for a card": lambda prepaid, card: cards.open_page(prepaid, "user:1", WaysBack("", None)),
    "choose a card": lambda prepaid, card: cards.choose(prepaid, "user:1", card),
    "remove a card": lambda prepaid, card: cards.remove(prepaid, "user:1", card),
    "top up": lambda prepaid, card: topups.top_up(prepaid, "user:1"),
    "switch top-ups off": lambda prepaid, card: topups.switch_off(prepaid, "user:1"),
    "subscribe": lambda prepaid, card: subscribing.subscribe(prepaid, "user:1", PlanChoice(PLAN), card),
    "preview a change": lambda prepaid, card: previews.preview(prepaid, "user:1", PLAN),
    "change the plan": lambda prepaid, card: changing.change(
        prepaid, "user:1", PLAN, 1, proration_date=0, due_minor=0
    ),
    "cancel the plan": lambda prepaid, card: changing.cancel_now(prepaid, "user:1"),
    "pay with another card": lambda prepaid, card: changing.use_card(prepaid, "user:1", card),
    "copy the balance": lambda prepaid, card: copying.sync(prepaid),
    "reconcile": lambda prepaid, card: reconcile.reconcile(prepaid),
    "remove the customer": lambda prepaid, card: prepaid.remove_customer("user:1"),
}


def test_a_verb_that_asks_stripe_refuses_the_hosts_work_and_commits_none_of_it(plan_shop: Shop) -> None:
    shop = plan_shop
    card = shop.saved_card()
    for name, verb in VERBS.items():

        def refuse(verb: Callable[[Any, str], object] = verb) -> None:
            note(shop)
            with pytest.raises(RuntimeError, match=REFUSED):
                verb(shop.prepaid, card)
            shop.prepaid.session.rollback()

        shop.read(refuse)
        assert noted(shop) == 0, name


def test_an_email_callback_may_write_and_commit(shop_with: ShopWith) -> None:
    shops: list[Shop] = []

    def email(owner: str) -> str:
        note(shops[0])
        shops[0].prepaid.session.commit()
        shops[0].prepaid.hold(owner, 1, key=f"mail of {owner}")
        shops[0].prepaid.session.commit()
        return "anna@shop.example"

    shops.append(shop_with(email=email))
    create_table(shops[0])
    shops[0].read(lambda: _grant(shops[0]))

    assert shops[0].buy()
    assert noted(shops[0]) == 1


def _grant(shop: Shop) -> None:
    shop.prepaid.grant("user:1", 5, key="gift", reason="welcome")
    shop.prepaid.session.commit()


def test_a_trial_callback_may_write_and_commit(shop_with: ShopWith) -> None:
    shops: list[Shop] = []

    def trial(owner: str) -> bool:
        note(shops[0])
        shops[0].prepaid.session.commit()
        return True

    shops.append(shop_with(plans=[PLAN], trial=trial))
    create_table(shops[0])
    shop = shops[0]

    shop.session_of(shop.send_form(shop.browser(), "/prepaid/plan", plan="basic", trial="1"))

    assert noted(shop) >= 2


def test_a_mail_is_sent_where_an_earlier_receiver_has_left_work(shop_with: ShopWith) -> None:
    sent: list[tuple[str, str, str]] = []
    shops: list[Shop] = []

    def leave_work(_: object, **news: Any) -> None:
        note(shops[0])

    with signals.balance_low.connected_to(leave_work):  # before the shop: its mails come after it
        shops.append(
            shop_with(
                email=lambda owner: "anna@shop.example",
                mail=lambda *mail: sent.append(mail),
                PREPAID_BASE_URL="https://shop.example",
                PREPAID_BALANCE_LOW=10,
            )
        )
        shop = shops[0]
        create_table(shop)
        shop.read(lambda: _grant(shop))
        shop.tick()

    assert [address for address, _, _ in sent] == ["anna@shop.example"]


def test_a_form_that_was_sent_before_with_another_choice_is_refused_uncounted(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_ATTEMPTS_PER_HOUR=10)

    def buy(pack: str) -> None:
        checkout_pages.open_checkout(
            shop.prepaid,
            "user:1",
            shop.prepaid.catalog.offer(pack=pack),
            ways_back=WaysBack("https://shop.example/?session_id={CHECKOUT_SESSION_ID}", None),
            wish=Wish("form:form-1"),
        )

    shop.read(lambda: buy("starter"))
    with pytest.raises(KeyReused):
        shop.read(lambda: buy("bonus"))

    assert shop.read(lambda: shop.prepaid.session.scalar(select(func.count()).select_from(Attempt))) == 1


def test_what_a_verb_has_written_for_the_host_is_not_committed_by_another(shop: Shop) -> None:
    """Both would stand, or neither: the host has not said yet."""
    shop.pay(shop.buy())
    app = shop.prepaid

    def sell() -> None:
        app.spend("user:1", credits=30, key="half")
        with pytest.raises(RuntimeError, match=REFUSED):
            app.make_code("WELCOME10X", credits=5)
        app.session.rollback()
        app.make_code("WELCOME10X", credits=5)
        app.spend("user:1", credits=30, key="whole")
        app.session.commit()
        app.make_code("WELCOME20X", credits=5)

    shop.read(sell)

    assert shop.balance() == 70
