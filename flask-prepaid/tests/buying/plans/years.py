"""Years of a customer with plans, drawn at random: by the public pages, with what was shown kept in mind."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from flask_prepaid.subscriptions.models import BEGINNING, ENDED, State
from flask_prepaid.testing import Databases

from .shop import PAGE, PlanShop

STARTS = [
    "2024-01-29T00:00:05",
    "2024-01-30T12:00:00",
    "2024-01-31T23:59:50",
    "2024-02-29T06:00:00",
    "2025-08-31T18:30:00",
]
BEGIN = ["small", "large", "yearly", "trial", "seats"]
STEPS = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(["small", "large", "yearly", "seats", "trial"])),
    st.tuples(
        st.sampled_from(["end", "now", "keep", "pause", "resume", "pay", "break", "mend"]), st.just("")
    ),
    st.tuples(st.just("spend"), st.sampled_from(["1", "17", "60"])),
)
#: What is drawn of a life: its beginning, and each step with the days that pass after it.
LIFE = {
    "start": st.sampled_from(STARTS),
    "plan": st.sampled_from(BEGIN),
    "quantity": st.sampled_from("1357"),
    "steps": st.lists(st.tuples(STEPS, st.integers(1, 75)), min_size=8, max_size=25),
}


class Life:
    """One customer through the years, by the public pages, with what was shown before kept in mind."""

    def __init__(self, shop: PlanShop, quantity: str) -> None:
        self.shop = shop
        self.quantity = quantity
        self.shown: dict[str, int] = {}

    def step(self, verb: str, word: str) -> None:
        if verb == "spend":
            if self.shop.balance() >= int(word):
                self.shop.spend(int(word))
        elif self.shop.row().state in ENDED | BEGINNING:
            self.begin(word or "small")
        else:
            getattr(self, verb)(word)

    def begin(self, plan: str) -> None:
        self.shop.subscribe(plan, quantity=self.quantity if plan == "seats" else "1")

    def change(self, plan: str) -> None:
        """What is charged now, and given, is to the unit what was shown."""
        query = {"plan": plan, "quantity": self.quantity if plan == "seats" else "1"}
        page = self.shop.browser().get(f"{PAGE}/change", query_string=query)
        assert page.status_code in (200, 409), page.text
        if page.status_code == 409:
            return
        preview, fields = self.shop.preview(**query)
        before, credits = len(self.shop.invoices()), shown_credits(preview)
        assert self.shop.send("/change", **fields).status_code == 303
        self.shop.stripe.deliver()
        new = self.shop.invoices()[before:]
        assert sum(invoice.due_minor for invoice in new) == int(fields["due_minor"])
        if all(invoice.state == "paid" for invoice in new):
            assert sum(invoice.credits or 0 for invoice in new) == credits

    def end(self, _: str) -> None:
        self.shop.do("cancel", when="end")

    def now(self, _: str) -> None:
        self.shop.do("cancel", when="now")

    def keep(self, _: str) -> None:
        self.shop.do("keep")

    def pause(self, _: str) -> None:
        self.shop.do("pause")

    def resume(self, _: str) -> None:
        self.shop.do("resume")

    def pay(self, _: str) -> None:
        if "/invoice/" in self.shop.page().split("Invoices</h2>")[0]:
            self.shop.pay_invoice()

    def break_(self, _: str) -> None:
        self.take("pm_card_chargeCustomerFail")

    def mend(self, _: str) -> None:
        self.take("pm_card_visa")

    def take(self, card: str) -> None:
        self.shop.do("card", saved_card=self.shop.save_card(card))

    def go_on(self, days: int) -> None:
        """Let time pass. The next charge is what the page said, unless a retry or an end comes first."""
        row, said = self.shop.row(), next_charge(self.shop)
        before = len(self.shop.invoices())
        self.shop.pass_time(days=days)
        renewals = self.shop.invoices()[before:]
        if said is not None and renewals and row.state is State.ACTIVE:
            assert renewals[0].due_minor == said


setattr(Life, "break", Life.break_)


def shown_credits(preview: str) -> int:
    words = preview.split(" credits are added")[0].split()
    return int(words[-1].replace(",", "")) if " credits are added" in preview else 0


def next_charge(shop: PlanShop) -> int | None:
    """The exact sum that the page names, in the smallest unit."""
    page = shop.page()
    if "data-next-charge" not in page:
        return None
    shown = page.split("data-next-charge")[1].split("<strong>$")[1].split("</strong>")[0]
    return round(float(shown.replace(",", "")) * 100)


def check(shop: PlanShop) -> None:
    """One allowance for each paid invoice that cost something, none for any other; nothing is off."""
    assert shop.drift("--fix") == []
    assert shop.audit() == []
    given = {key: credits for key, credits in shop.given() if not key.startswith("rollover:")}
    invoices = shop.invoices()
    bought = {f"invoice:{one.id}": one.credits for one in invoices if one.credits and one.credits > 0}
    assert given == bought
    for invoice in invoices:
        assert (invoice.credits is not None) == (invoice.state == "paid")
        if invoice.total_minor == 0:
            assert not invoice.credits
        elif invoice.state == "paid" and invoice.total_minor > 0:
            assert invoice.credits


def live(shop: PlanShop, plan: str, quantity: str, steps: list[Any], *, years: int) -> None:
    """The steps, and then whatever comes until so many years are over."""
    life = Life(shop, quantity)
    until: datetime = shop.now() + timedelta(days=365 * years)
    life.begin(plan)
    for (verb, word), days in steps:
        life.step(verb, word)
        life.go_on(days)
    while shop.now() < until:
        life.go_on(min(60, (until - shop.now()).days + 1))


def live_and_check(
    databases: Databases, *, start: str, plan: str, quantity: str, steps: list[Any], years: int
) -> None:
    """A life in a shop of its own."""
    shop = PlanShop(databases.fresh("sqlite"), start=start)
    try:
        live(shop, plan, quantity, steps, years=years)
        check(shop)
    finally:
        shop.stripe.close()
