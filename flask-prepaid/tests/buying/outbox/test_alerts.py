"""What customers are told because they want to be: each crossing once, and again after it recovered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from flask_prepaid.errors import NotYours, UnknownItem
from flask_prepaid.outbox.models import Crossing
from flask_prepaid.testing import Databases

from ..shop import Shop


class Telling(Shop):
    """A shop whose customers are told by mail."""

    def __init__(self, databases: Databases, kind: str, **settings: Any) -> None:
        self.subjects: list[str] = []
        super().__init__(
            databases.fresh(kind),
            PREPAID_BASE_URL="https://shop.example",
            email=lambda owner: f"{owner.replace(':', '')}@shop.example",
            mail=lambda address, subject, text: self.subjects.append(subject),
            **settings,
        )

    def told(self) -> list[str]:
        """What two ticks tell: the second one must have nothing left."""
        self.subjects.clear()
        self.tick()
        self.tick()
        return list(self.subjects)

    def spend(self, credits: int, owner: str = "user:1", spender: str | None = None) -> None:
        self._number = getattr(self, "_number", 0) + 1
        self.read(
            lambda: self.prepaid.spend_now(
                owner, credits=credits, key=f"work:{self._number}", spender=spender
            )
        )

    def grant(self, credits: int, days: int | None = None) -> None:
        """Credits that last so many days from the next midnight: two gifts of one day end together."""
        self._number = getattr(self, "_number", 0) + 1
        midnight = self.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        expires_at = midnight + timedelta(days=days) if days else None

        def give() -> None:
            self.prepaid.grant(
                "user:1", credits, key=f"gift:{self._number}", reason="kind", expires_at=expires_at
            )
            self.prepaid.session.commit()

        self.read(give)

    def alert(self, kind: str, threshold: int, **budget: Any) -> int:
        row = self.read(lambda: self.prepaid.set_alert("user:1", kind, threshold, **budget).id)
        return int(row)

    def limit(self, credits: int | None, every: str | None = "month", spender: str | None = None) -> None:
        def put() -> None:
            self.prepaid.set_budget("user:1", credits, spender=spender, every=every)
            self.prepaid.session.commit()

        self.read(put)


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[Telling]:
    shop = Telling(databases, kind, PREPAID_BALANCE_LOW=10)
    yield shop
    shop.close()


def test_each_crossing_is_told_once_and_again_after_it_recovered(shop: Telling) -> None:
    shop.grant(100)
    shop.alert("balance", 50)
    assert shop.alert("balance", 20) == shop.alert("balance", 20)
    shop.limit(60)
    shop.limit(20, every="day", spender="key:1")
    shop.alert("budget", 50, every="month")
    shop.alert("budget", 100, every="day", spender="key:1")
    shop.alert("lapse", 7)
    assert shop.told() == []

    shop.spend(20, spender="key:1")
    assert shop.told() == ["100 % of a limit is spent"]
    shop.spend(31)
    assert shop.told() == ["You have 49 credits left", "50 % of your limit is spent"]
    shop.grant(20)
    shop.spend(5)
    assert shop.told() == [], "it was above, and then again below, but no tick looked in between"
    shop.spend(4)
    shop.grant(40)
    assert shop.told() == []
    shop.limit(200)
    assert shop.told() == []
    shop.spend(60)
    assert shop.told() == ["You have 40 credits left", "50 % of your limit is spent"]
    shop.spend(31)
    assert shop.told() == ["You have 9 credits left"], "by the alert at 20; the host's at 10 is for others"

    shop.grant(30, days=8)
    shop.grant(5, days=8)
    assert shop.told() == []
    shop.stripe.advance(days=3)
    lapse = shop.told()
    assert len(lapse) == 1, lapse
    assert lapse[0].startswith("35 credits expire on ")
    shop.grant(7, days=1)
    shop.stripe.advance(hours=2)
    assert [subject.partition(" expire")[0] for subject in shop.told()] == ["7 credits"]

    shop.stripe.advance(days=40)
    shop.grant(200)
    shop.told()
    shop.spend(20, spender="key:1")
    assert shop.told() == ["100 % of a limit is spent"], "another day"
    left = select(func.count()).select_from(Crossing).where(Crossing.until < shop.now())
    assert shop.read(lambda: shop.prepaid.session.scalar(left)) == 0


def test_the_hosts_alert_is_for_whoever_has_set_none(shop: Telling) -> None:
    shop.grant(12)
    browser = shop.browser()
    assert "Fewer than 10 credits are left" in browser.get("/prepaid/alerts").text
    shop.spend(3)
    assert shop.told() == ["You have 9 credits left"]

    assert shop.send_form(browser, "/prepaid/alerts", to="/prepaid/alerts/0/remove").status_code == 303
    page = browser.get("/prepaid/alerts").text
    assert "There is no alert yet." in page
    shop.grant(20)
    shop.told()
    shop.spend(28)
    assert shop.told() == []

    assert shop.send_form(browser, "/prepaid/alerts", kind="balance", threshold="5").status_code == 303
    assert "Fewer than 5 credits are left" in browser.get("/prepaid/alerts").text
    assert shop.told() == ["You have 1 credit left"], "who is below already is told, too"
    (alert,) = shop.read(lambda: shop.prepaid.alerts("user:1"))
    shop.send_form(browser, "/prepaid/alerts", to=f"/prepaid/alerts/{alert.id}/remove")
    assert "Fewer than 10 credits are left" in browser.get("/prepaid/alerts").text
    shop.spend(1)
    shop.grant(2)
    shop.told()

    shop.read(lambda: shop.prepaid.remove_customer("user:1"))
    assert shop.told() == [], "who is removed is told nothing, though the balance is low"
    shop.spend(1)
    shop.stripe.advance(hours=2)
    assert shop.told() == []
    shop.pay(shop.buy(credits="1"))
    assert "You have" in shop.told()[-1], "who buys again is a customer again"


def test_an_alert_of_a_limit_is_set_on_the_page_and_says_so_when_that_is_gone(shop: Telling) -> None:
    browser = shop.browser()
    assert "Per cent spent" not in browser.get("/prepaid/alerts").text
    shop.grant(100)
    shop.limit(50)
    page = browser.get("/prepaid/alerts").text
    assert "50 credits a month" in page
    sent = shop.send_form(browser, "/prepaid/alerts", kind="budget", threshold="80", budget="month|")
    assert sent.status_code == 303
    assert "80 % spent of 50 credits a month" in browser.get("/prepaid/alerts").text
    shop.limit(None)
    assert "The limit is gone." in browser.get("/prepaid/alerts").text
    shop.spend(60)
    assert shop.told() == []


NO_ALERTS: list[tuple[dict[str, str], str]] = [
    ({}, "Choose balance, budget or lapse."),
    ({"kind": "nonsense", "threshold": "5"}, "Choose balance, budget or lapse."),
    ({"kind": "balance", "threshold": ""}, "Write a whole number"),
    ({"kind": "balance", "threshold": "0"}, "Write a whole number"),
    ({"kind": "balance", "threshold": "1e9"}, "Write a whole number"),
    ({"kind": "lapse", "threshold": "0"}, "from 1 to 366"),
    ({"kind": "lapse", "threshold": "367"}, "from 1 to 366"),
    ({"kind": "lapse", "threshold": "-1"}, "from 1 to 366"),
    ({"kind": "budget", "threshold": "101", "budget": "month|"}, "from 1 to 100"),
    ({"kind": "budget", "threshold": "50", "budget": "month|"}, "There is no such limit."),
    ({"kind": "budget", "threshold": "50", "budget": "x" * 300}, "There is no such limit."),
    ({"kind": "budget", "threshold": "50"}, "There is no such limit."),
]


def test_what_can_be_no_alert_is_said(shop: Telling) -> None:
    browser = shop.browser()
    for fields, says in NO_ALERTS:
        answer = shop.send_form(browser, "/prepaid/alerts", **fields)
        assert (answer.status_code, says in answer.text) == (422, True), fields
    assert shop.read(lambda: shop.prepaid.alerts("user:1")) == []


def test_an_alert_of_somebody_else_is_not_there_and_nobody_has_hundreds(shop: Telling) -> None:
    alert = shop.alert("balance", 5)
    for number in (str(alert), "x", "9" * 30):
        to = f"/prepaid/alerts/{number}/remove"
        assert shop.send_form(shop.browser("user:2"), "/prepaid/alerts", to=to).status_code == 404
    with pytest.raises(NotYours):
        shop.read(lambda: shop.prepaid.remove_alert("user:2", alert))
    for threshold in range(6, 25):
        shop.alert("balance", threshold)
    with pytest.raises(UnknownItem, match="20 alerts"):
        shop.alert("balance", 99)
    assert len(shop.read(lambda: shop.prepaid.alerts("user:1"))) == 20
