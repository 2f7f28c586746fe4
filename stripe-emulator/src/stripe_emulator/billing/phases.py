"""Subscription schedules: what a subscription becomes, and when.

https://docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from __future__ import annotations

import copy

from stripe_emulator import clock, events, objects, store
from stripe_emulator.billing import changes, clocks, cycle, items, periods, start, states
from stripe_emulator.errors import InvalidRequest
from stripe_emulator.store import Json

#: States that a schedule does not leave.
OVER = ("canceled", "completed", "released")

#: How many intervals a phase may last.
LONGEST = 120

#: A phase where nothing was asked for.
BLANK: Json = {
    "add_invoice_items": [],
    "application_fee_percent": None,
    "billing_cycle_anchor": None,
    "billing_thresholds": None,
    "collection_method": None,
    "default_payment_method": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "invoice_settings": None,
    "metadata": {},
    "on_behalf_of": None,
    "proration_behavior": "create_prorations",
    "transfer_data": None,
    "trial_end": None,
}


def read(forms: list[Json], first_start: int, known: list[Json] | None = None) -> list[Json]:
    """Phases from a form, each beginning where the one before it ends.

    :param known: The phases so far; a first one that began keeps its start.
    :raises InvalidRequest: A phase ends before it begins, or names no price.
    """
    made: list[Json] = []
    begins = known[0]["start_date"] if known else first_start
    for number, form in enumerate(forms):
        param = f"phases[{number}]"
        given = form.get("start_date")
        if isinstance(given, int):
            begins = clocks.check(given, f"{param}[start_date]") if number == 0 else begins
        elif given == "now":
            begins = clock.now()
        phase = _phase(form, begins, param)
        if phase["end_date"] <= begins:
            raise InvalidRequest("A phase must end after it begins.", param=f"{param}[end_date]")
        if number and phase["end_date"] <= clock.now():
            raise InvalidRequest("A phase cannot end in the past.", param=f"{param}[end_date]")
        made.append(phase)
        begins = phase["end_date"]
    if not made:
        raise InvalidRequest("A schedule needs at least one phase.", param="phases")
    return made


def of_subscription(subscription: Json) -> Json:
    """The phase that a running subscription is in, until its period's end."""
    data = subscription["items"]["data"]
    return {
        **copy.deepcopy(BLANK),
        "currency": subscription["currency"],
        "discounts": [
            {"coupon": None, "discount": one, "promotion_code": None} for one in subscription["discounts"]
        ],
        "end_date": cycle.next_renewal(subscription),
        "items": [_shown_item(item["price"]["id"], item["quantity"]) for item in data],
        "metadata": {},
        "start_date": min(item["current_period_start"] for item in data),
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
    }


def plan_ahead(schedule: Json) -> None:
    """Show which phase runs, and schedule the next change."""
    clock.unschedule(schedule["id"])
    if schedule["status"] in OVER:
        return
    now = clock.now()
    current = next((one for one in schedule["phases"] if one["start_date"] <= now < one["end_date"]), None)
    shown = current and {"start_date": current["start_date"], "end_date": current["end_date"]}
    objects.change(schedule, current_phase=shown if schedule["status"] == "active" else None)
    ahead = [moment for one in schedule["phases"] for moment in (one["start_date"], one["end_date"])]
    moment = min((one for one in ahead if one > now), default=now)
    clock.schedule(moment, "subscription_schedule.phase", schedule["id"])


def enter_due(subscription: Json) -> None:
    """Before a renewal: let the schedule change the subscription, if its phase is over now."""
    schedule = store.find("subscription_schedule", subscription["schedule"] or "")
    if schedule is not None:
        advance(schedule)


def advance(schedule: Json) -> None:
    """Bring the subscription into the phase that runs now, or end the schedule after its last."""
    if schedule["status"] in OVER:
        return
    now = clock.now()
    if now >= schedule["phases"][-1]["end_date"]:
        _end(schedule)
        return
    index = next(n for n, one in enumerate(schedule["phases"]) if now < one["end_date"])
    phase = schedule["phases"][index]
    if phase["start_date"] > now:
        plan_ahead(schedule)
        return
    if schedule["status"] == "not_started":
        begin(schedule)
    elif (schedule["current_phase"] or {}).get("start_date") != phase["start_date"]:
        enter(schedule, phase)
        plan_ahead(schedule)
        events.emit("subscription_schedule.updated", schedule)


def begin(schedule: Json) -> None:
    """The first phase starts: now there is a subscription."""
    phase = schedule["phases"][0]
    customer = store.get("customer", schedule["customer"])
    form: Json = {
        "items": [_form_of(item) for item in phase["items"]],
        "discounts": [_without_nulls(one) for one in phase["discounts"]],
        "metadata": phase["metadata"],
        "add_invoice_items": [_without_nulls(one) for one in phase["add_invoice_items"]],
    }
    defaults = schedule["default_settings"]
    method = phase["default_payment_method"] or defaults["default_payment_method"]
    if method:
        form["default_payment_method"] = method
    if phase["trial_end"]:
        form["trial_end"] = phase["trial_end"]
    if (phase["collection_method"] or defaults["collection_method"]) == "send_invoice":
        form |= {
            "collection_method": "send_invoice",
            "days_until_due": defaults["invoice_settings"]["days_until_due"],
        }
    subscription, invoice = start.subscribe(customer, form)
    objects.change(schedule, status="active", subscription=subscription["id"])
    start.collect_first(subscription, invoice, "allow_incomplete")
    attach(schedule, subscription)


def attach(schedule: Json, subscription: Json) -> None:
    """Join the two, and show the day that the schedule will cancel on."""
    objects.change(schedule, status="active", subscription=subscription["id"])
    plan_ahead(schedule)
    show_end(schedule, subscription)


def show_end(schedule: Json, subscription: Json) -> None:
    """The subscription names its schedule, and the day that it will be canceled on by it."""
    ends = schedule["phases"][-1]["end_date"] if schedule["end_behavior"] == "cancel" else None
    states.change(subscription, schedule=schedule["id"], cancel_at=ends)
    cycle.plan_ahead(subscription)


def enter(schedule: Json, phase: Json, behavior: str | None = None) -> None:
    """Change the subscription into what a phase says."""
    subscription = store.get("subscription", schedule["subscription"])
    form: Json = {
        "items": _difference(subscription, phase),
        "proration_behavior": behavior or phase["proration_behavior"],
    }
    for name in ("default_payment_method", "description", "default_tax_rates"):
        if phase[name]:
            form[name] = phase[name]
    if phase["metadata"]:
        form["metadata"] = phase["metadata"]
    if phase["discounts"]:
        form["discounts"] = [_without_nulls(one) for one in phase["discounts"]]
    if phase["trial_end"] and phase["trial_end"] > clock.now():
        form["trial_end"] = phase["trial_end"]
    if phase["add_invoice_items"]:
        form["add_invoice_items"] = [_without_nulls(one) for one in phase["add_invoice_items"]]
    if clock.now() >= cycle.next_renewal(subscription) and "trial_end" not in form:
        _enter_at_boundary(subscription, form, phase)
    else:
        changes.update(subscription, form)


def _enter_at_boundary(subscription: Json, form: Json, phase: Json) -> None:
    """The period is over as well: nothing to prorate, and the renewal that follows bills the new."""
    customer = store.get("customer", subscription["customer"])
    before = {item["id"]: periods.of_price(item["price"]) for item in subscription["items"]["data"]}
    data = items.changed(subscription, form["items"], customer)
    fields: Json = {"items": items.as_list(subscription["id"], data)}
    moved = any(
        before.get(item["id"], periods.of_price(item["price"])) != periods.of_price(item["price"])
        for item in data
    )
    if moved or phase["billing_cycle_anchor"] == "phase_start":
        fields["billing_cycle_anchor"] = clock.now()
    for item in data:
        if item["current_period_end"] is None:
            item["current_period_start"] = item["current_period_end"] = clock.now()
    start.add_invoice_items(subscription, customer, form)
    kept = changes.kept(subscription, form, customer)
    states.change(subscription, **kept, **fields)


def release(schedule: Json, *, keep_cancel_date: bool = False) -> Json:
    """Let the subscription go on without the schedule."""
    subscription = store.find("subscription", schedule["subscription"] or "")
    clock.unschedule(schedule["id"])
    objects.change(
        schedule,
        current_phase=None,
        released_at=clock.now(),
        released_subscription=schedule["subscription"],
        status="released",
        subscription=None,
    )
    if subscription is not None:
        _detach(subscription, keep_cancel_date)
    events.emit("subscription_schedule.released", schedule)
    return schedule


def call_off(schedule: Json) -> Json:
    """Cancel a schedule; who calls this has ended its subscription, or there was none."""
    clock.unschedule(schedule["id"])
    objects.change(schedule, canceled_at=clock.now(), current_phase=None, status="canceled")
    events.emit("subscription_schedule.canceled", schedule)
    return schedule


def rehearse(form: Json, customer: Json) -> Json | None:
    """For a preview: the schedule as it is or would be changed; the subscription that it moves."""
    details = form.get("schedule_details") or {}
    if "schedule" in form:
        schedule = store.named("subscription_schedule", form["schedule"], "schedule")
        change(schedule, details)
    else:
        phases = read(details.get("phases") or [], clock.now())
        schedule = create(customer, phases, details.get("end_behavior", "release"), {})
        if phases[0]["start_date"] <= clock.now():
            begin(schedule)
    return store.find("subscription", schedule["subscription"] or "")


def create(customer: Json, phases: list[Json], end_behavior: str, form: Json) -> Json:
    """A schedule that has not started, with its event."""
    return objects.create(
        "subscription_schedule",
        event="subscription_schedule.created",
        billing_mode={"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        customer=customer["id"],
        default_settings=_defaults(form.get("default_settings") or {}),
        end_behavior={"none": "release"}.get(end_behavior, end_behavior),
        metadata=form.get("metadata"),
        pause_schedules=[],
        phases=phases,
        status="not_started",
        test_clock=customer.get("test_clock"),
    )


def change(schedule: Json, form: Json) -> Json:
    """New phases, or another end; what concerns the running phase happens at once."""
    if schedule["status"] in OVER:
        raise InvalidRequest(
            f"You cannot update a subscription schedule that is currently in the `{schedule['status']}`"
            " status.",
            param="schedule",
        )
    fields = objects.patch(schedule, form, ())
    if "phases" in form:
        known = schedule["phases"] if schedule["status"] == "active" else None
        fields["phases"] = read(form["phases"], schedule["phases"][0]["start_date"], known)
    if "end_behavior" in form:
        fields["end_behavior"] = {"none": "release"}.get(form["end_behavior"], form["end_behavior"])
    if "default_settings" in form:
        fields["default_settings"] = schedule["default_settings"] | _defaults(form["default_settings"])
    objects.change(schedule, "subscription_schedule.updated", **fields)
    plan_ahead(schedule)
    if schedule["status"] == "active":
        subscription = store.get("subscription", schedule["subscription"])
        now = clock.now()
        running = next(
            (one for one in schedule["phases"] if one["start_date"] <= now < one["end_date"]), None
        )
        if running is not None and _differs(subscription, running):
            enter(schedule, running, form.get("proration_behavior"))
        show_end(schedule, subscription)
    return schedule


@clock.due("subscription_schedule.phase")
def phase_is_over(schedule_id: str) -> None:
    """A phase begins or ends."""
    schedule = store.get("subscription_schedule", schedule_id)
    advance(schedule)
    if schedule["status"] not in OVER:
        plan_ahead(schedule)


def _end(schedule: Json) -> None:
    """After the last phase: the subscription goes on alone, or ends."""
    subscription = store.find("subscription", schedule["subscription"] or "")
    cancels = schedule["end_behavior"] == "cancel"
    clock.unschedule(schedule["id"])
    objects.change(
        schedule,
        completed_at=clock.now(),
        current_phase=None,
        released_subscription=None if cancels else schedule["subscription"],
        status="completed",
    )
    if subscription is not None and cancels and subscription["status"] not in states.ENDED:
        states.end(subscription, reason="cancellation_requested")
    elif subscription is not None:
        _detach(subscription, keep_cancel_date=False)
    events.emit("subscription_schedule.completed", schedule)


def _detach(subscription: Json, keep_cancel_date: bool) -> None:
    if subscription["status"] in states.ENDED:
        return
    kept = {} if keep_cancel_date else {"cancel_at": None}
    states.change(subscription, schedule=None, **kept)
    cycle.plan_ahead(subscription)


def _subscription_ended(subscription: Json) -> None:
    """A subscription that is canceled takes its schedule along."""
    schedule = store.find("subscription_schedule", subscription["schedule"] or "")
    if schedule is not None and schedule["status"] not in OVER:
        call_off(schedule)


def _phase(form: Json, begins: int, param: str) -> Json:
    wanted = [_item(one, f"{param}[items][{number}]") for number, one in enumerate(form.get("items") or [])]
    if not wanted:
        raise InvalidRequest(
            f"Missing required param: {param}[items].", code="parameter_missing", param=f"{param}[items]"
        )
    price = store.get("price", wanted[0]["price"])
    given = {key: form[key] for key in BLANK if form.get(key) not in (None, "")}
    phase = {**copy.deepcopy(BLANK), **given}
    phase["discounts"] = [_shown_discount(one) for one in form.get("discounts") or []]
    phase["add_invoice_items"] = [_shown_extra(one) for one in form.get("add_invoice_items") or []]
    phase["default_tax_rates"] = items.tax_rates(form.get("default_tax_rates"), f"{param}[default_tax_rates]")
    if form.get("invoice_settings"):
        phase["invoice_settings"] = {"account_tax_ids": None, "days_until_due": None, "issuer": None} | form[
            "invoice_settings"
        ]
    end = _end_date(form, begins, price)
    trial_end = end if form.get("trial") else form.get("trial_end")
    return phase | {
        "currency": price["currency"],
        "end_date": end,
        "items": wanted,
        "start_date": begins,
        "trial_end": trial_end if isinstance(trial_end, int) else None,
    }


def _end_date(form: Json, begins: int, price: Json) -> int:
    """Given, or so much later; one period of its price where nothing is said."""
    end = form.get("end_date")
    if end is not None:
        return clock.now() if end == "now" else clocks.check(end, "phases[end_date]")
    duration = form.get("duration")
    if duration is not None:
        count = _small(duration.get("interval_count", 1), "phases[duration][interval_count]")
        return periods.Interval(duration["interval"], count).after(begins)
    times = _small(int(form.get("iterations") or 1), "phases[iterations]")  # older versions count periods
    return periods.of_price(price).after(begins, times)


def _small(count: int, param: str) -> int:
    """:raises InvalidRequest: A phase that lasts for ever, or not at all."""
    if not 1 <= count <= LONGEST:
        raise InvalidRequest(
            f"A phase lasts 1 to {LONGEST} intervals.", code="parameter_invalid_integer", param=param
        )
    return count


def _item(form: Json, param: str) -> Json:
    price = items.named_price(form, param)
    shown = _shown_item(price["id"], items.quantity(form.get("quantity", 1), param))
    return shown | {
        "discounts": [_shown_discount(one) for one in form.get("discounts") or []],
        "metadata": objects.merged({}, form.get("metadata")),
        "tax_rates": items.tax_rates(form.get("tax_rates"), f"{param}[tax_rates]"),
    }


def _shown_item(price_id: str, quantity: int) -> Json:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": price_id,
        "price": price_id,
        "quantity": quantity,
        "tax_rates": [],
    }


def _shown_discount(form: Json) -> Json:
    return {key: form.get(key) for key in ("coupon", "discount", "promotion_code")}


def _shown_extra(form: Json) -> Json:
    period = {"start": {"type": "phase_start"}, "end": {"type": "phase_end"}}
    return {
        "discountable": form.get("discountable"),
        "discounts": [_shown_discount(one) for one in form.get("discounts") or []],
        "metadata": form.get("metadata") or {},
        "period": form.get("period") or period,
        "price": form.get("price"),
        "quantity": form.get("quantity", 1),
        "tax_rates": [],
    }


def _form_of(item: Json) -> Json:
    return {
        "price": item["price"],
        "quantity": item["quantity"],
        "discounts": [_without_nulls(one) for one in item["discounts"]],
        "metadata": item["metadata"],
        "tax_rates": [rate["id"] for rate in item["tax_rates"]],
    }


def _without_nulls(value: Json) -> Json:
    return {key: one for key, one in value.items() if one is not None and key != "period"}


def _difference(subscription: Json, phase: Json) -> list[Json]:
    """``items[]`` of the update that turns a subscription's items into a phase's."""
    left = list(subscription["items"]["data"])
    forms: list[Json] = []
    for wanted in phase["items"]:
        same = next((one for one in left if one["price"]["id"] == wanted["price"]), None)
        item = same or next((one for one in left if not _is_wanted(one, phase)), None)
        form = _form_of(wanted)
        if item is not None:
            left.remove(item)
            form["id"] = item["id"]
        forms.append(form)
    return [*forms, *({"id": item["id"], "deleted": True} for item in left)]


def _is_wanted(item: Json, phase: Json) -> bool:
    return any(item["price"]["id"] == wanted["price"] for wanted in phase["items"])


def _differs(subscription: Json, phase: Json) -> bool:
    has = [(one["price"]["id"], one["quantity"]) for one in subscription["items"]["data"]]
    return sorted(has) != sorted((one["price"], one["quantity"]) for one in phase["items"])


def _defaults(given: Json) -> Json:
    invoice_settings = {
        "account_tax_ids": None,
        "custom_fields": None,
        "days_until_due": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    }
    return {
        "application_fee_percent": given.get("application_fee_percent"),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": given.get("billing_cycle_anchor", "automatic"),
        "billing_thresholds": None,
        "collection_method": given.get("collection_method", "charge_automatically"),
        "default_payment_method": given.get("default_payment_method"),
        "description": given.get("description") or None,
        "invoice_settings": invoice_settings | (given.get("invoice_settings") or {}),
        "on_behalf_of": None,
        "transfer_data": None,
    }


cycle.BEFORE_RENEWAL.append(enter_due)
states.AFTER_END.append(_subscription_ended)
