"""Schedules: what changes when a period ends. https://docs.stripe.com/api/subscription_schedules"""

from __future__ import annotations

from typing import Any

from prepaid_ledger import clock

from ..calls import Topic, ask, ask_for
from ..values import id_of
from .invoice_values import StripeInvoice, invoice_of
from .invoices import ALONE
from .subscription_values import PriceChoice, StripeSubscription, discounts_param

#: What is paid for at a time: ``("month", 3)``.
Period = tuple[str, int]


class Schedules(Topic):
    def subscription_id(self, schedule_id: str) -> str | None:
        """The id of the subscription that a schedule changes, or has changed."""
        schedule = ask_for(lambda: self._v1.subscription_schedules.retrieve(schedule_id))
        return (id_of(schedule.subscription) or schedule.released_subscription) if schedule else None

    def change_later(self, subscription: StripeSubscription, wanted: PriceChoice, period: Period) -> None:
        """Change when the period ends, by a schedule that then lets the subscription go on alone.

        One that has planned another change plans this one instead.
        """
        schedules = self._v1.subscription_schedules
        if subscription.schedule_id is None:
            schedule: Any = ask(lambda: schedules.create({"from_subscription": subscription.id}))
        else:
            schedule = self._fetch(subscription.schedule_id)
        discount_ids = list(subscription.discount_ids)
        params: Any = _planned(subscription, schedule, subscription.choice, wanted, period, discount_ids)
        ask(lambda: schedules.update(schedule.id, params))

    def preview_renewal(
        self,
        subscription: StripeSubscription,
        wanted: PriceChoice,
        period: Period,
        *,
        at_once: bool,
        discount_ids: list[str],
    ) -> StripeInvoice:
        """The first whole period after a change, where a schedule has planned one already.

        A preview of a subscription holds to what its schedule has planned, whatever else it is asked; so
        the schedule is previewed as the change would leave it.
        https://docs.stripe.com/api/invoices/create_preview

        :param at_once: The change's own invoice comes before it, with all that waits.
        :param discount_ids: Those that it will still have.
        """
        assert subscription.schedule_id is not None, "it has a schedule"
        asked_at = clock.wall()
        now = wanted if at_once else subscription.choice
        schedule = self._fetch(subscription.schedule_id)
        params: Any = {
            "schedule": subscription.schedule_id,
            "schedule_details": _planned(subscription, schedule, now, wanted, period, discount_ids),
            **(ALONE if at_once else {}),
        }
        return invoice_of(ask(lambda: self._v1.invoices.create_preview(params)), asked_at)

    def release(self, schedule_id: str) -> None:
        """Forget a change that is still to come."""
        ask(lambda: self._v1.subscription_schedules.release(schedule_id))

    def _fetch(self, schedule_id: str) -> Any:
        return ask(lambda: self._v1.subscription_schedules.retrieve(schedule_id))


def _planned(
    subscription: StripeSubscription,
    schedule: Any,
    now: PriceChoice,
    then: PriceChoice,
    period: Period,
    discount_ids: list[str],
) -> dict[str, Any]:
    """The phases of a schedule: the running one until the period's end, and then one period more."""
    kept = {"discounts": discounts_param(discount_ids)}  # a phase that names none takes the customer's
    first = {
        "items": [{"price": now[0], "quantity": now[1]}],
        "start_date": schedule.current_phase.start_date,
        "end_date": int(subscription.period_end.timestamp()),
        **kept,
    }
    second = {
        "items": [{"price": then[0], "quantity": then[1]}],
        "duration": {"interval": period[0], "interval_count": period[1]},
        "proration_behavior": "none",
        **kept,
    }
    return {"end_behavior": "release", "proration_behavior": "none", "phases": [first, second]}
