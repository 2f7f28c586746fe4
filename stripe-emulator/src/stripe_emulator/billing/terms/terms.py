"""What the form of a subscription asks for: dates, trial, payment, cancellation."""

from __future__ import annotations

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated, only_one_of
from stripe_emulator.core.time import clock, due_work, periods
from stripe_emulator.core.time.clock import DAY
from stripe_emulator.core.types import Json
from stripe_emulator.payments.sources import card_sources

#: The longest trial that Stripe gives.
LONGEST_TRIAL_DAYS = 730

INVOICE_SETTINGS = {
    "account_tax_ids": None,
    "custom_fields": None,
    "description": None,
    "footer": None,
    "issuer": {"type": "self"},
}
PAYMENT_SETTINGS = {
    "payment_method_options": None,
    "payment_method_types": None,
    "save_default_payment_method": "off",
}


#: Parameters that promise more than is done here.
NOT_YET = (
    "application_fee_percent",
    "billing_schedules",
    "billing_thresholds",
    "on_behalf_of",
    "pause",
    "transfer_data",
)
NOT_YET_OF_ITEMS = ("billing_thresholds", "current_trial")


def refuse_what_is_missing(form: Json) -> None:
    """:raises NotEmulated: The form asks for something that the emulator would not do."""
    for name in NOT_YET:
        if form.get(name):
            raise NotEmulated(f"subscriptions with {name}", param=name)
    for number, item in enumerate(form.get("items") or []):
        for name in NOT_YET_OF_ITEMS:
            if item.get(name):
                raise NotEmulated(f"subscription items with {name}", param=f"items[{number}][{name}]")


def interval(wanted: Json | str | None) -> Json | None:
    """How often waiting invoice items are billed: each one, if no count is given."""
    return {"interval_count": 1} | wanted if isinstance(wanted, dict) else None


def trial_end(form: Json, data: list[Json]) -> int | None:
    """When the trial ends, or None if there is none."""
    days = form.get("trial_period_days")
    if days is None and form.get("trial_from_plan"):
        days = data[0]["price"]["recurring"]["trial_period_days"]
    wanted = form.get("trial_end")
    if wanted is not None and days is not None:
        raise only_one_of("trial_end", "trial_period_days")
    if days is not None:
        if not 0 <= days <= LONGEST_TRIAL_DAYS:
            raise InvalidRequest(
                f"The maximum number of trial period days is {LONGEST_TRIAL_DAYS} (2 years).",
                param="trial_period_days",
            )
        return clock.now() + days * DAY if days else None
    if wanted in (None, "now"):
        return None
    return check_trial_end(wanted)


def check_trial_end(moment: int) -> int:
    """:raises InvalidRequest: In the past, or more than two years away."""
    if moment <= clock.now():
        raise InvalidRequest(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end"
        )
    if moment > clock.now() + LONGEST_TRIAL_DAYS * DAY + DAY:
        raise InvalidRequest("Invalid timestamp: trial_end can be at most two years away.", param="trial_end")
    return moment


def anchor(form: Json, data: list[Json], start: int, trial_end: int | None) -> int:
    """The billing cycle anchor: given, the end of the trial, or now.

    :raises InvalidRequest: It is given twice, or too late.
    """
    if "billing_cycle_anchor" in form and form.get("billing_cycle_anchor_config"):
        raise only_one_of(
            "billing_cycle_anchor", "billing_cycle_anchor_config", param="billing_cycle_anchor_config"
        )
    if "billing_cycle_anchor" in form:
        wanted: int = form["billing_cycle_anchor"]
        latest = min(periods.of_price(item["price"]).after(trial_end or start) for item in data)
        if wanted < clock.now() or wanted > latest:
            raise InvalidRequest(
                "billing_cycle_anchor cannot be later than the next natural billing date, nor in the past.",
                param="billing_cycle_anchor",
            )
        return wanted
    config = form.get("billing_cycle_anchor_config")
    if config and any(item["price"]["recurring"]["interval"] in ("day", "week") for item in data):
        raise InvalidRequest(
            "`billing_cycle_anchor_config` can only be used with monthly and yearly prices.",
            param="billing_cycle_anchor_config",
        )
    if config:
        return periods.next_day_of_month(trial_end or start, config)
    return trial_end or start


def anchor_config(form: Json) -> Json | None:
    """The day that the anchor is chosen by, as the subscription shows it."""
    config = form.get("billing_cycle_anchor_config")
    if not config:
        return None
    return {key: config.get(key) for key in ("day_of_month", "hour", "minute", "month", "second")}


def billing_mode(form: Json) -> Json:
    """Flexible, unless it was asked for otherwise."""
    mode = form.get("billing_mode") or {"type": "flexible"}
    if mode["type"] == "classic":
        return {"flexible": None, "type": "classic"}
    included = {"proration_discounts": "included"}
    return {"flexible": included | (mode.get("flexible") or {}), "type": "flexible"}


def cancel_at(form: Json, renewal: int) -> int | None:
    """When the subscription is to end, if at all.

    :raises InvalidRequest: It is said twice, or is over.
    """
    if form.get("cancel_at_period_end") and form.get("cancel_at"):
        raise only_one_of("cancel_at", "cancel_at_period_end", param="cancel_at")
    if form.get("cancel_at_period_end"):
        return renewal
    wanted = form.get("cancel_at")
    if wanted in ("min_period_end", "max_period_end", "max_billed_until"):
        return renewal
    if wanted and wanted <= clock.now() and due_work.somebody_asks():
        raise InvalidRequest("`cancel_at` must be in the future.", param="cancel_at")
    return clock.check(wanted, "cancel_at") if wanted else None


def trial_settings(form: Json) -> Json:
    """What becomes of a trial that ends without a card."""
    given = (form.get("trial_settings") or {}).get("end_behavior") or {}
    kept = {key: value for key, value in given.items() if value not in ("", None)}
    return {"end_behavior": {"missing_payment_method": "create_invoice"} | kept}


def check_means(form: Json, customer: Json) -> None:
    """:raises InvalidRequest: What is to pay an invoice or a subscription is not the customer's."""
    if form.get("default_payment_method"):
        check_method(form["default_payment_method"], customer)
    if form.get("default_source"):
        card_sources.of_customer(customer, form["default_source"], "default_source")


def check_method(method_id: str, customer: Json) -> None:
    """:raises InvalidRequest: The card is not the customer's."""
    method = store.named("payment_method", method_id, "default_payment_method")
    if method["customer"] != customer["id"]:
        raise InvalidRequest(
            f"The customer does not have a payment method with the ID {method_id}. The payment method must be"
            " attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
