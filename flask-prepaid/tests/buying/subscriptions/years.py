"""Years of a customer with plans, drawn at random: by the public pages, with what was shown kept in mind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import stripe
from hypothesis import strategies as st

from flask_prepaid import Plan
from flask_prepaid.subscriptions import prices
from flask_prepaid.subscriptions.models import BEGINNING, ENDED, State
from flask_prepaid.testing import Databases

from .plan_shop import PAGE, PLANS, PlanShop, hidden_fields, words

STARTS = [
    "2024-01-29T00:00:05",
    "2024-01-30T12:00:00",
    "2024-01-31T23:59:50",
    "2024-02-29T06:00:00",
    "2025-08-31T18:30:00",
]
#: A coupon as the dashboard makes it.
COUPONS: dict[str, dict[str, Any]] = {
    "half once": {"percent_off": 50, "duration": "once"},
    "five dollars once": {"amount_off": 500, "currency": "usd", "duration": "once"},
    "a third for 3 months": {"percent_off": 33, "duration": "repeating", "duration_in_months": 3},
    "a tenth forever": {"percent_off": 10, "duration": "forever"},
    "free once": {"percent_off": 100, "duration": "once"},
}
BEGIN = ["small", "large", "yearly", "trial", "seats"]
#: What the customer does on the public pages.
BY_THE_CUSTOMER = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(["small", "large", "yearly", "seats", "trial"])),
    st.tuples(
        st.sampled_from(["end", "now", "keep", "pause", "resume", "pay", "break", "mend"]), st.just("")
    ),
    st.tuples(st.just("spend"), st.sampled_from(["1", "17", "60"])),
)
#: What an operator does in Stripe's dashboard meanwhile.
IN_THE_DASHBOARD = st.one_of(
    st.tuples(st.just("coupon"), st.sampled_from(sorted(COUPONS))),
    st.tuples(st.just("balance"), st.sampled_from(["-2500", "-300", "700"])),
    st.tuples(st.just("trial_end"), st.sampled_from(["now", "3", "20"])),
    st.tuples(
        st.just("switch"),
        st.tuples(
            st.sampled_from(["small", "large", "yearly", "seats 2", "seats 6"]),
            st.sampled_from(["always_invoice", "create_prorations", "none"]),
        ).map(" ".join),
    ),
    st.tuples(st.just("cancel"), st.sampled_from(["at the end", "in 40 days", "not"])),
    st.tuples(st.just("stop"), st.sampled_from(["void", "keep_as_draft", "void for 40 days"])),
    st.tuples(st.just("collect"), st.just("")),
)
#: What is drawn of a life: its beginning, and each step with the days that pass after it.
LIFE = {
    "start": st.sampled_from(STARTS),
    "plan": st.sampled_from(BEGIN),
    "quantity": st.sampled_from("1357"),
    "steps": st.lists(
        st.tuples(BY_THE_CUSTOMER | IN_THE_DASHBOARD, st.integers(1, 75)), min_size=8, max_size=25
    ),
}

#: Enough of the events to hear of all that happens, each of it once: their copies are other tests' concern.
HEARD = (
    "checkout.session.completed",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "payment_method.attached",
    "subscription_schedule.released",
    "subscription_schedule.updated",
)


class Life:
    """One customer through the years, by the public pages, with what was shown before kept in mind.

    And an operator, in Stripe's dashboard.
    """

    def __init__(self, shop: PlanShop, quantity: str) -> None:
        self.shop = shop
        self.quantity = quantity
        shop.stripe.hear(*HEARD)

    def step(self, verb: str, word: str) -> None:
        if verb == "spend":
            if self.shop.balance() >= int(word):
                self.shop.spend(int(word))
        elif verb in DASHBOARD:
            if self.shop.row().state not in ENDED | BEGINNING:
                with suppress(stripe.InvalidRequestError):  # Stripe refuses some of it as things stand
                    getattr(self, verb)(word)
                self.shop.stripe.deliver()
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
        preview, fields = words(page.text), hidden_fields(page.text)
        before, credits = len(self.shop.invoices()), shown_credits(preview)
        period = self.shop.row().period_start
        shown_on = self.shop.now().date()
        self.shop.stripe.advance(minutes=7)
        renewed = self.shop.row().period_start != period  # while the customer thought
        answer = self.shop.send("/change", **fields)
        self.shop.stripe.deliver()
        if renewed:
            return
        assert answer.status_code == 303
        new = self.shop.invoices()[before:]
        assert sum(invoice.due_minor for invoice in new) == int(fields["due_minor"])
        if all(invoice.state == "paid" for invoice in new):
            assert sum(invoice.credits or 0 for invoice in new) == credits
            if self.shop.now().date() == shown_on:  # a new period begins when the customer agrees
                assert next_charge(self.shop) == shown_next(preview)

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

    def coupon(self, name: str) -> None:
        made = self.shop.v1.coupons.create(COUPONS[name])  # type: ignore[arg-type]
        self.update(discounts=[{"coupon": made.id}])

    def balance(self, minor: str) -> None:
        moved = {"amount": int(minor), "currency": "usd"}
        self.shop.v1.customers.balance_transactions.create(customer_of(self.shop), moved)  # type: ignore[arg-type]

    def trial_end(self, when: str) -> None:
        """The plan is tried until then; what is paid already stays paid."""
        until = "now" if when == "now" else self.shop.stripe.now() + int(when) * DAY
        self.update(trial_end=until, proration_behavior="none")

    def switch(self, word: str) -> None:
        """Another price or quantity at once, whatever that does to the invoices."""
        slug, *quantity, behavior = word.split()
        item = self.shop.v1.subscriptions.retrieve(self.shop.stripe_id())["items"].data[0]
        wanted = {"id": item.id, "price": price_of(self.shop, slug), "quantity": int((quantity or ["1"])[0])}
        self.update(items=[wanted], proration_behavior=behavior)

    def cancel(self, when: str) -> None:
        later = {"cancel_at": self.shop.stripe.now() + 40 * DAY}
        self.update(**later if when == "in 40 days" else {"cancel_at_period_end": when == "at the end"})

    def stop(self, how: str) -> None:
        behavior, *until = how.split()
        resumes = {"resumes_at": self.shop.stripe.now() + 40 * DAY} if until else {}
        self.update(pause_collection={"behavior": behavior, **resumes})

    def collect(self, _: str) -> None:
        self.update(pause_collection="")

    def update(self, **what: Any) -> None:
        self.shop.v1.subscriptions.update(self.shop.stripe_id(), what)  # type: ignore[arg-type]

    def go_on(self, days: int) -> None:
        """Let time pass. The next charge is what the page said, unless a retry or an end comes first."""
        row, charge = self.shop.row(), next_charge(self.shop)
        before = len(self.shop.invoices())
        self.shop.pass_time(days=days)
        renewals = self.shop.invoices()[before:]
        if charge is not None and renewals and row.state in (State.ACTIVE, State.TRIALING):
            assert (renewals[0].due_minor, day_of(renewals[0].created_at)) == charge

    def to_the_renewal(self) -> None:
        """A day after the period's end: the renewal was paid, or not."""
        ends = self.shop.row().period_end
        assert ends is not None
        self.go_on((ends - self.shop.now()).days + 2)

    def to_the_end(self, until: datetime) -> None:
        while self.shop.now() < until:
            self.go_on(min(60, (until - self.shop.now()).days + 1))


setattr(Life, "break", Life.break_)

#: The verbs of the operator.
DASHBOARD = frozenset({"coupon", "balance", "trial_end", "switch", "cancel", "stop", "collect"})
DAY = 86_400


def price_of(shop: PlanShop, slug: str) -> str:
    """The price at Stripe that a plan is sold by."""
    (plan,) = [plan for plan in PLANS if plan.slug == slug]
    return str(shop.read(lambda: prices.ensure(shop.prepaid, plan).id))


def customer_of(shop: PlanShop) -> str:
    return str(shop.v1.subscriptions.retrieve(shop.stripe_id()).customer)


def shown_credits(preview: str) -> int:
    added = re.search(r"<dt>Credits added(?:<span[^>]*>[^<]*</span>)?</dt><dd>([\d,]+)</dd>", preview)
    return int(added[1].replace(",", "")) if added else 0


#: A sum in the smallest unit, and its day, as pages write it.
Charge = tuple[int, str]


def shown_next(preview: str) -> Charge | None:
    return charge_in(preview, r"Next charge</dt><dd>\$([\d,.]+) on ([^<]+)<")


def next_charge(shop: PlanShop) -> Charge | None:
    """The next charge that the plan's page names; nothing while something is owed, or nothing follows."""
    return charge_in(shop.page(), r"Next charge: <strong>\$([\d,.]+)</strong> on ([^.]+)\.")


def charge_in(page: str, words: str) -> Charge | None:
    match = re.search(words, page)
    return (int(match[1].replace(",", "").replace(".", "")), match[2]) if match else None


def day_of(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def check(shop: PlanShop) -> None:
    """One allowance for each paid invoice that gives something, none for any other; nothing is off."""
    assert shop.drift("--fix") == []
    assert shop.audit() == []
    given = {key: credits for key, credits in shop.given() if not key.startswith("rollover:")}
    invoices = shop.invoices()
    assert given == {f"invoice:{bill.id}": bill.given for bill in invoices if bill.given}
    due = credits_due(shop)
    for invoice in invoices:
        if invoice.state == "paid":
            gives, takes = due[invoice.stripe_id]
            assert gives - takes <= (invoice.credits or 0) <= gives
        else:
            assert invoice.credits is None


def credits_due(shop: PlanShop) -> dict[str, tuple[int, int]]:
    """What each of Stripe's invoices gives, told from its lines alone, and may take of a time that is over.

    A whole period gives what the plan is sold with, a part of one ``floor(difference * rest / period)``. Of a
    time that is over, it takes no more than is there, or was spent.
    """
    billed = {bill.id: list(lines_of(shop, bill.id)) for bill in bills_of(shop)}
    whole = {
        (line.period.start, line.period.end)
        for lines in billed.values()
        for line in lines
        if not is_part(line)
    }
    rates: dict[tuple[int, int], int] = {}
    return {bill_id: of_bill(shop, lines, whole, rates) for bill_id, lines in reversed(billed.items())}


def of_bill(
    shop: PlanShop,
    lines: list[stripe.InvoiceLineItem],
    whole: set[tuple[int, int]],
    rates: dict[tuple[int, int], int],
) -> tuple[int, int]:
    """What an invoice gives, and may take of a time that is over.

    :param rates: What each period gives by now; it is brought up to date.
    """
    begins = [line.period.start for line in lines if not is_part(line) and line.amount]
    given_back = {(line.period.start, line.period.end) for line in lines if line.amount < 0}
    shares: dict[tuple[int, int], Fraction] = {}
    for line in sorted(lines, key=lambda line: line.period.start):
        start, end = line.period.start, line.period.end
        period = (start, end)
        credits = credits_of(shop, line)
        if not (line.amount or line.discounts or line.discount_amounts):
            continue
        share = Fraction(0)
        if is_part(line):
            (period,) = [each for each in whole if each[1] == end and each[0] <= start]
            rest = Fraction(end - start, end - period[0])
            if line.amount < 0:
                share = -credits * rest
            else:
                replaced = 0 if (start, end) in given_back else rates.get(period, 0)
                share = (credits - replaced) * rest
        else:
            days = {"month": (28, 31), "year": (365, 366)}[plan_of(shop, line).interval]
            assert line.amount == 0 or days[0] <= (end - start) / DAY <= days[1], "a period has its length"
            share = Fraction(credits)
        if line.amount >= 0:
            rates[period] = credits
        shares[period] = shares.get(period, Fraction(0)) + share
    over = [each for each in shares if begins and each[1] <= begins[0] and shares[each] < 0]
    takes = sum(-int(shares.pop(each)) for each in over)
    return int(sum(shares.values())), takes


def bills_of(shop: PlanShop) -> Iterator[stripe.Invoice]:
    return shop.v1.invoices.list({"customer": customer_of(shop), "limit": 100}).auto_paging_iter()


def lines_of(shop: PlanShop, bill_id: str) -> Iterator[stripe.InvoiceLineItem]:
    return shop.v1.invoices.line_items.list(bill_id, {"limit": 100}).auto_paging_iter()


def is_part(line: stripe.InvoiceLineItem) -> bool:
    assert line.parent is not None
    recurring, extra = line.parent.subscription_item_details, line.parent.invoice_item_details
    return bool((recurring and recurring.proration) or (extra and extra.proration))


def plan_of(shop: PlanShop, line: stripe.InvoiceLineItem) -> Plan:
    assert line.pricing is not None
    assert line.pricing.price_details is not None
    price = shop.v1.prices.retrieve(str(line.pricing.price_details.price))
    (plan,) = [plan for plan in PLANS if f"prepaid_plan_{plan.slug}" == price.lookup_key]
    return plan


def credits_of(shop: PlanShop, line: stripe.InvoiceLineItem) -> int:
    """What a whole period of a line's plan gives."""
    return plan_of(shop, line).credits * (line.quantity or 1)


def live(shop: PlanShop, plan: str, quantity: str, steps: list[Any], *, years: float) -> None:
    """The steps, and then whatever comes until so many years are over."""
    life = Life(shop, quantity)
    until: datetime = shop.now() + timedelta(days=365 * years)
    life.begin(plan)
    for (verb, word), days in steps:
        life.step(verb, word)
        life.go_on(days)
    life.to_the_end(until)


def live_and_check(
    databases: Databases, *, start: str, plan: str, quantity: str, steps: list[Any], years: float
) -> None:
    """A life in a shop of its own."""
    shop = PlanShop(databases.fresh("sqlite"), start=start)
    try:
        live(shop, plan, quantity, steps, years=years)
        check(shop)
    finally:
        shop.stripe.close()
