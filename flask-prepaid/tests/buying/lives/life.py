"""Each verb of a life, done in the shop and told to the model."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import stripe
from ledger.model_parts import Budget

from flask_prepaid.catalog import Pack
from flask_prepaid.errors import UnknownItem
from flask_prepaid.payments.customers import removal
from flask_prepaid.payments.models import PaymentState, Via
from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.purchases.saved_cards import cards, cards_on_file
from flask_prepaid.subscriptions import changing, prices
from stripe_emulator.core.errors import CardError

from ..subscriptions.plan_shop import PlanShop
from .model import PACKS, PLANS, Dispute, Note, Payment, Plan, TopUp
from .steps import Step
from .world import CARDS, KEPT, OWNER, World

#: The error by which the product refuses, for the word of the model.
REFUSALS = {
    None: "",
    "too few": "InsufficientCredits",
    "blocked": "WalletBlocked",
    "over budget": "BudgetExceeded",
    "closed": "HoldClosed",
    "nothing": "NothingToReverse",
}
HOLD_LASTS = timedelta(hours=1)


class Life(World):
    """What is missing, since an earlier step was left out or refused, is passed over."""

    def __init__(self, shop: PlanShop) -> None:
        super().__init__(shop)
        self.disputes: dict[str, tuple[str, Payment]] = {}

    def live(self, step: Step) -> None:
        getattr(self, f"do_{step.verb}")(step)
        self.settle()

    def payment(self, step: Step) -> tuple[str, Payment] | None:
        """The payment that a step is about."""
        kind = {"top-up": "topup:", "plan": "plan:", "first month": "plan:"}.get(step.word("of"))
        if kind is None:
            names = [name for name in self.model.payments if name == f"payment:{step.word('of')}"]
        else:
            names = [name for name in self.model.payments if name.startswith(kind)]
        if not names:
            return None
        name = names[0 if step.word("of") == "first month" else -1]
        return name, self.model.payments[name]

    # Buying

    def do_buy(self, step: Step) -> None:
        item = step.word("item")
        offer = self.model.offer(item)
        choice = {"pack": item} if item in PACKS else {"credits": item}
        if self.model.blocked:
            return  # the host lets nobody in whom it has shut out
        answer = self.send(**choice)
        if not self.sells_in(offer[2]):
            assert answer.status_code == UnknownItem.http_status, f"a page of Stripe's in {offer[2]}"
            return
        session = self.shop.session_of(answer)
        if step.word("code"):
            typed = {"promotion_code": step.word("code")}
            assert self.shop.stripe.browser().post(f"/pay/{session}/promotion", data=typed).status_code < 400
        if step.word("meanwhile") and item in ("starter", "bonus"):
            self.reprice(item, 200 if step.word("meanwhile") == "price rises" else 50)
        is_free = step.word("code") == "ALL"
        dies = step.word("dies")
        with self.heard("never" if dies else step.word("heard")):
            try:
                self.shop.stripe.pay(session, card=CARDS[step.word("card")])
            except CardError:
                assert not is_free
                return
            if dies or step.word("heard") != "lost":
                self.dying(dies, lambda: self.shop.come_back(session, OWNER))
        self.recover(dies)
        name = f"payment:{step.number}"
        (self.rows[name],) = [row.id for row in self.shop.payments(OWNER) if row.session_id == session]
        fails = step.word("card") == "refunds fail"
        self.model.bought(name, offer, self.now, code=step.word("code"), refunds_fail=fails)

    def do_press(self, step: Step) -> None:
        card, item = self.card(), step.word("item")
        if card is None or self.model.blocked:
            return
        charges, from_balance = self.charged(), min(self.in_balance(), self.model.offer(item)[1])
        choice = {"pack": item} if item in PACKS else {"credits": item}
        token = self.read(lambda: cards_on_file.default_card(self.shop.prepaid.session, OWNER))
        died = self.dying(step.word("dies"), lambda: self.send(saved_card=token, **choice))
        self.recover(step.word("dies"))
        paid = [row.id for row in self.new_rows(Via.CARD) if row.state is PaymentState.PAID]
        is_charged = from_balance < self.model.offer(item)[1]
        if not died:
            goes_through = card == "good" or not is_charged
            assert len(paid) == goes_through, f"a press with a card that is {card} made {len(paid)} purchases"
        assert self.charged() - charges == (len(paid) if is_charged else 0)
        if paid:
            name = f"payment:{step.number}"
            (self.rows[name],) = paid
            self.model.bought(name, self.model.offer(item), self.now, from_balance=from_balance)

    def do_keep_card(self, step: Step) -> None:
        if self.card() is None and not self.model.blocked:
            self.shop.keep_card(OWNER, KEPT[step.word("card")])

    def do_remove_card(self, step: Step) -> None:
        card = self.read(lambda: cards_on_file.default_card(self.shop.prepaid.session, OWNER))
        if card is not None and self.model.plan is None:
            self.read(lambda: cards.remove(self.shop.prepaid, OWNER, card))

    def do_reprice(self, step: Step) -> None:
        self.reprice(step.word("item"), step.count("percent"))

    def reprice(self, item: str, percent: int) -> None:
        """The pack costs so many percent of what it was first sold for from now on."""
        credits, price, currency, days = PACKS[item]
        self.model.prices[item] = price * percent // 100
        bonus = 20 if item == "bonus" else 0
        self.shop.prepaid.catalog.packs[item] = Pack(
            item,
            credits=credits - bonus,
            amount_minor=self.model.prices[item],
            currency=currency,
            bonus=bonus,
            expires_after=None if days is None else timedelta(days=days),
        )

    def do_block(self, step: Step) -> None:
        if self.model.plan is None:
            self.model.blocked = step.word("blocked") == "yes"

    def do_leave(self, step: Step) -> None:
        self.read(lambda: removal.remove(self.shop.prepaid, OWNER))
        self.model.leave()

    # Credits

    def agree(self, came: str, refusal: str | None, what: str) -> None:
        wanted = REFUSALS[refusal]
        assert came == wanted, f"{what} came to {came or 'be done'}, not {wanted or 'be done'}"

    def do_spend(self, step: Step) -> None:
        prepaid, key = self.shop.prepaid, f"spend:{step.number}"
        what: dict[str, Any] = {
            "credits": step.count("credits"),
            "key": key,
            "spender": step.word("spender") or None,
        }
        if step.word("now") == "rolled back":

            def lost() -> None:
                with suppress(Exception):
                    prepaid.spend(OWNER, **what)
                prepaid.session.rollback()

            self.read(lost)
            return
        spend = prepaid.spend_now if step.word("now") else prepaid.spend
        came = self.refused(lambda: spend(OWNER, **what))
        before = self.before()
        refusal = self.model.wallet.spend(key, what["credits"], self.now, what["spender"])
        self.agree(came, refusal, "a spend")
        self.model.fell("spend", before)

    def before(self) -> int:
        """What is available, once all that is over is told to the model."""
        self.model.expire(self.now)
        return self.model.wallet.available

    def do_hold(self, step: Step) -> None:
        key, credits, spender = f"job:{step.number}", step.count("credits"), step.word("spender") or None
        came = self.refused(lambda: self.shop.prepaid.hold(OWNER, credits, key=key, spender=spender))
        before = self.before()
        refusal = self.model.wallet.hold(key, credits, self.now, HOLD_LASTS, spender)
        self.agree(came, refusal, "a hold")
        self.model.fell("spend", before)

    def do_extend(self, step: Step) -> None:
        key, hours = f"job:{step.word('of')}", step.count("hours")
        if key not in self.model.wallet.holds:
            return
        more = step.count("credits")
        what: dict[str, Any] = {"credits": more} if more else {}
        what["until"] = until = self.now + timedelta(hours=hours)
        if not hours:
            del what["until"]
        if not what:
            return
        came = self.refused(lambda: self.shop.prepaid.extend(OWNER, key=key, **what))
        before = self.before()
        refusal = self.model.wallet.extend(key, more, self.now, until if hours else None)
        self.agree(came, refusal, "a hold that grows")
        self.model.fell("spend", before)

    def do_capture(self, step: Step) -> None:
        key = f"job:{step.word('of')}"
        hold = self.model.wallet.holds.get(key)
        if hold is None:
            return
        credits, overrun = step.count("credits"), step.word("overrun") or "refuse"
        if overrun == "refuse":
            credits = min(credits, hold.taken.credits)
        prepaid = self.shop.prepaid
        what: dict[str, Any] = {"key": key, "credits": credits, "overrun": overrun}
        came = self.refused(lambda: prepaid.capture(OWNER, **what))
        before, was_open, held = self.before(), hold.state == "open", hold.taken.credits
        self.agree(came, self.model.wallet.capture(key, credits, self.now, overrun), "a capture")
        if was_open and hold.state == "captured":
            self.model.fall("spend", before + held)

    def do_release(self, step: Step) -> None:
        key = f"job:{step.word('of')}"
        if key in self.model.wallet.holds:
            came = self.refused(lambda: self.shop.prepaid.release(OWNER, key=key))
            self.model.expire(self.now)
            self.agree(came, self.model.wallet.release(key, self.now), "a release")

    def do_reverse(self, step: Step) -> None:
        spend = f"spend:{step.word('of')}"
        if spend not in self.model.wallet.spends:
            return
        key, credits = f"reverse:{step.number}", step.count("credits")
        prepaid = self.shop.prepaid
        came = self.refused(lambda: prepaid.reverse(OWNER, spend_key=spend, key=key, credits=credits))
        self.model.expire(self.now)
        self.agree(came, self.model.wallet.reverse(spend, key, credits, self.now), "a reversal")

    def do_grant(self, step: Step) -> None:
        days = step.word("days")
        ends = self.now + timedelta(days=int(days)) if days else None
        key, credits = f"gift:{step.number}", step.count("credits")
        prepaid = self.shop.prepaid
        self.refused(lambda: prepaid.grant(OWNER, credits, key=key, reason="a gift", expires_at=ends))
        self.model.expire(self.now)
        self.model.wallet.come_in(self.model.wallet.new_lot(key, credits, expires_at=ends), repays=True)

    def do_redeem(self, step: Step) -> None:
        code, key = step.word("code"), f"code:{step.number}"
        came = self.refused(lambda: self.shop.prepaid.redeem(OWNER, code, key=key))
        gives = self.model.redeem(key, code, self.now)
        assert came == ("" if gives else "CodeRefused"), f"a code came to {came or 'be redeemed'}"

    def do_adjust(self, step: Step) -> None:
        credits, key = step.count("credits"), f"adjust:{step.number}"
        came = self.refused(lambda: self.shop.prepaid.adjust(OWNER, credits, key=key, reason="by hand"))
        before, wallet = self.before(), self.model.wallet
        if credits > 0:
            wallet.give_by_hand(key, credits)
            return
        refusal = wallet.refuse(-credits, self.now, debt_blocks=False)
        self.agree(came, refusal, "an adjustment")
        if refusal is None:
            wallet.take_by_hand(-credits)
        self.model.fell("adjustment", before)

    def do_budget(self, step: Step) -> None:
        spender, every = step.word("spender") or None, step.word("every") or None
        credits = step.count("credits")
        prepaid = self.shop.prepaid
        self.refused(lambda: prepaid.set_budget(OWNER, credits, spender=spender, every=every))
        self.model.wallet.budgets[spender, every] = Budget(spender, every, "UTC", credits)

    # Money that goes back

    def do_refund(self, step: Step) -> None:
        named = self.payment(step)
        if named is None:
            return
        payment_name, payment = named
        how = self.wish(step, payment)
        amount = how.get("amount_minor")
        if "credits" in how:
            amount = self.model.worth_minor(payment, how["credits"])
        if not how and step.word("door") != "dashboard":
            amount = self.model.not_given_back(payment)
        refuses, name = self.model.refuses_refund(payment, amount), f"refund:{step.number}"
        with self.heard(step.word("heard")):
            if step.word("door") == "dashboard":
                if not refuses:
                    self.refund_at_stripe(payment_name, amount)
            else:
                self.refund_here(step, self.row(payment_name), name, how, refuses)
        if refuses:
            return
        # A process that died may have asked for nothing.
        if not step.word("dies") or self.is_refunded(payment, payment_name):
            self.model.refunded(name, payment, amount, self.now)

    def wish(self, step: Step, payment: Payment) -> dict[str, int]:
        """What an operator asks for: all that is left, so much, or what so many credits cost."""
        if step.word("what") == "eighths":
            return {"amount_minor": max(1, payment.paid_minor * step.count("much") // 8)}
        if step.word("what") == "credits":
            return {"credits": max(1, payment.lot.credits * step.count("much") // 8)}
        return {}

    def refund_here(self, step: Step, row: int, name: str, how: dict[str, int], refuses: bool) -> None:
        """By the product's own verb; it is refused if the model says so, or the process dies in it."""
        prepaid = self.shop.prepaid
        came: list[str] = []

        def send_back() -> None:
            wish: dict[str, Any] = {**how, "reason": "asked for", "key": name}
            came.append(self.refused(lambda: prepaid.refund(row, **wish)))

        dies = "" if refuses else step.word("dies")
        died = self.dying(dies, send_back)
        self.recover(dies)
        assert died or bool(came[0]) == refuses, (
            f"a refund was {f'refused: {came[0]}' if came[0] else 'made'}"
        )

    def is_refunded(self, payment: Payment, name: str) -> bool:
        """Whether Stripe has a refund of it that the model does not know."""
        made = self.shop.v1.refunds.list({"payment_intent": self.intent(name), "limit": 100}).data
        return len(made) > len(payment.refunds)

    def refund_at_stripe(self, payment_name: str, amount: int | None) -> None:
        params: Any = {"payment_intent": self.intent(payment_name)}
        self.shop.v1.refunds.create(params | ({} if amount is None else {"amount": amount}))
        self.shop.stripe.deliver()

    def do_dispute(self, step: Step) -> None:
        named = self.payment(step)
        if named is None or not named[1].charged_minor or named[1].dispute is not None:
            return
        name, payment = named
        amount = max(1, payment.charged_minor * step.count("quarters") // 4)
        is_inquiry = step.word("reason") == "inquiry"
        with self.heard(step.word("heard")):
            opened = self.shop.stripe.dispute(self.intent(name), amount=amount, reason=step.word("reason"))
        self.model.dispute_opens(payment, Dispute(amount_minor=amount, is_inquiry=is_inquiry))
        self.disputes[f"dispute:{step.number}"] = str(opened["id"]), payment
        self.model.disputed(f"dispute:{step.number}", payment, 0 if is_inquiry else amount, self.now)

    def open_dispute(self, step: Step) -> tuple[str, Payment, Dispute] | None:
        """The dispute that a step is about, if its end is not known yet at Stripe."""
        named = self.disputes.get(f"dispute:{step.word('of')}")
        if named is None:
            return None
        dispute_id, payment = named
        status = self.shop.v1.disputes.retrieve(dispute_id).status
        if status != "needs_response" or payment.dispute is None:
            return None
        return dispute_id, payment, payment.dispute

    def do_disputed_otherwise(self, step: Step) -> None:
        named = self.open_dispute(step)
        if named is None:
            return
        dispute_id, payment, dispute = named
        dispute.amount_minor = max(1, payment.charged_minor * step.count("quarters") // 4)
        with self.heard(step.word("heard")):
            self.shop.stripe.dispute(dispute=dispute_id, amount=dispute.amount_minor)
        self.model.disputed(f"dispute:{step.word('of')}", payment, dispute.amount_minor, self.now)

    def do_dispute_ends(self, step: Step) -> None:
        named = self.open_dispute(step)
        if named is None:
            return
        dispute_id, payment, dispute = named
        with self.heard(step.word("heard")):
            self.shop.stripe.dispute(dispute=dispute_id, outcome=step.word("outcome"))
        stays = 0 if step.word("outcome") == "won" else dispute.amount_minor
        self.model.disputed(f"dispute:{step.word('of')}", payment, stays, self.now)

    # Plans

    def do_subscribe(self, step: Step) -> None:
        if self.model.plan is not None or self.model.blocked:
            return
        self.model.plan = Plan(step.word("plan"))
        *quantity, plan = step.word("plan").split()
        fields = {"quantity": quantity[0]} if quantity else {}
        self.shop.subscribe(plan, OWNER, **fields)

    def do_change_plan(self, step: Step) -> None:
        """In Stripe's dashboard, at once, to a plan that gives more."""
        plan, wanted = self.model.plan, step.word("plan")
        if plan is None or plan.is_paused or PLANS[wanted][0] <= PLANS[plan.name][0] or self.model.blocked:
            return
        if self.period_end is None or self.period_end <= self.now:
            return  # the next month is billed, and not paid yet
        price = self.read(
            lambda: prices.ensure(self.shop.prepaid, self.shop.prepaid.catalog.plans[wanted]).id
        )
        subscription = self.shop.v1.subscriptions.retrieve(self.shop.stripe_id(OWNER))
        item = {"id": subscription["items"].data[0].id, "price": price, "quantity": 1}
        changed: Any = {"items": [item], "proration_behavior": "always_invoice"}
        self.changing_to = wanted
        with self.heard(step.word("heard")):
            self.shop.v1.subscriptions.update(subscription.id, changed)

    def do_pause(self, step: Step) -> None:
        if self.model.plan is not None and not self.model.plan.is_paused:
            self.read(lambda: changing.pause(self.shop.prepaid, OWNER))
            self.model.plan.is_paused = True

    def do_resume(self, step: Step) -> None:
        if self.model.plan is not None and self.model.plan.is_paused:
            self.read(lambda: changing.unpause(self.shop.prepaid, OWNER))
            self.model.plan.is_paused = False

    def do_end_plan(self, step: Step) -> None:
        if self.model.plan is not None:
            self.read(lambda: changing.cancel_now(self.shop.prepaid, OWNER))
            self.model.plan = None

    def do_coupon(self, step: Step) -> None:
        if self.model.plan is not None:
            coupon = self.shop.v1.coupons.create({"percent_off": step.count("percent"), "duration": "once"})
            discounts: Any = {"discounts": [{"coupon": coupon.id}]}
            self.shop.v1.subscriptions.update(self.shop.stripe_id(OWNER), discounts)

    def do_balance(self, step: Step) -> None:
        customer = self.read(lambda: self.shop.prepaid.customer_id(OWNER))
        if customer is not None and self.model.plan is not None:
            moved: Any = {"amount": step.count("minor"), "currency": "usd"}
            self.shop.v1.customers.balance_transactions.create(customer, moved)

    def do_credit_note(self, step: Step) -> None:
        names = [name for name in self.model.payments if name.startswith("plan:")]
        if not names or self.model.plan is None:
            return
        payment = self.model.payments[names[-1]]
        amount = payment.paid_minor * step.count("quarters") // 4
        note: Any = {"invoice": names[-1].removeprefix("plan:"), "amount": amount, "credit_amount": amount}
        with self.heard(step.word("heard")):
            try:
                made = self.shop.v1.credit_notes.create(note)
            except stripe.InvalidRequestError:
                return  # more than is left of it
        noted = payment.notes[made.id] = Note(amount, self.now)
        self.model.take_back(payment, f"note:{made.id}", noted, amount, self.now)

    # Auto top-up

    def do_top_up(self, step: Step) -> None:
        pack, threshold = step.word("pack"), step.count("threshold")
        credits, price = PACKS[pack][0], self.model.prices[pack]
        ceiling = price * step.count("times") * -(-threshold // credits)
        context = self.shop.prepaid
        if self.card() is None:
            return
        self.read(
            lambda: topups.switch_on(context, OWNER, pack=pack, threshold=threshold, ceiling_minor=ceiling)
        )
        self.model.topup = TopUp(pack, price, threshold, ceiling)
        self.model.falls = []

    # Time

    def do_wait(self, step: Step) -> None:
        time = timedelta(hours=step.count("hours"))
        self.advance(time, step.word("heard"), whole=step.word("tick") == "whole")
