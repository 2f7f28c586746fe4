"""Money that a customer has for what they use: billing credits."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import DAY, Shop
from .test_meters import a_meter, metered, use


def grant(
    shop: Shop, customer: str, value: int = 100, scope: Any = None, **more: Any
) -> stripe.billing.CreditGrant:
    form: Any = {
        "customer": customer,
        "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": value}},
        "applicability_config": {"scope": scope or {"price_type": "metered"}},
        **more,
    }
    return shop.v1.billing.credit_grants.create(form)


def available(shop: Shop, customer: str) -> list[int]:
    summary = shop.v1.billing.credit_balance_summary.retrieve(
        {
            "customer": customer,
            "filter": {"type": "applicability_scope", "applicability_scope": {"price_type": "metered"}},
        }
    )
    return [
        each.available_balance.monetary.value for each in summary.balances if each.available_balance.monetary
    ]


def billed(shop: Shop, customer: str, calls: int) -> stripe.Invoice:
    """The invoice of a month in which a customer has made so many calls, at five cents each."""
    shop.subscribe(customer, metered(shop, a_meter(shop)))
    use(shop, customer, calls)
    shop.advance(months=1, hours=2)
    return shop.latest(customer)


def test_credits_pay_for_what_was_used(shop: Shop) -> None:
    customer = shop.customer()
    made = grant(shop, customer, 100, name="Welcome", category="promotional")
    before = available(shop, customer)
    invoice = billed(shop, customer, 30)

    assert (made.priority, made.category) == (50, "promotional")
    assert (before, available(shop, customer)) == ([100], [0])
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (150, 50, 50)
    assert invoice.total_pretax_credit_amounts is not None
    assert [(row.amount, row.type) for row in invoice.total_pretax_credit_amounts] == [
        (100, "credit_balance_transaction")
    ]
    applied, granted = shop.v1.billing.credit_balance_transactions.list({"customer": customer}).data
    assert applied.debit is not None
    assert applied.debit.credits_applied is not None
    assert (applied.type, applied.debit.credits_applied.invoice) == ("debit", invoice.id)
    assert (granted.type, granted.credit_grant) == ("credit", made.id)
    assert "billing.credit_grant.created" in shop.events()


def test_the_grant_of_the_lowest_number_and_then_the_first_to_expire_is_taken_first(shop: Shop) -> None:
    customer = shop.customer()
    late = grant(shop, customer, 100)
    soon = grant(shop, customer, 100, expires_at=shop.emulator.now() + 90 * DAY)
    first = grant(shop, customer, 40, priority=1)
    billed(shop, customer, 20)

    def left(made: stripe.billing.CreditGrant) -> int:
        summary = shop.v1.billing.credit_balance_summary.retrieve(
            {"customer": customer, "filter": {"type": "credit_grant", "credit_grant": made.id}}
        )
        monetary = summary.balances[0].available_balance.monetary
        assert monetary is not None
        return monetary.value

    assert [left(first), left(soon), left(late)] == [0, 40, 100]


def test_credits_of_other_prices_or_of_a_later_day_stay(shop: Shop) -> None:
    customer = shop.customer()
    meter = a_meter(shop, name="other_calls")
    other = metered(shop, meter)
    grant(shop, customer, 100, {"prices": [{"id": other}]})
    grant(shop, customer, 100, effective_at=shop.emulator.now() + 300 * DAY)

    assert billed(shop, customer, 10).amount_paid == 50


def test_a_void_invoice_gives_back_what_it_took(shop: Shop) -> None:
    customer = shop.customer("pm_card_chargeCustomerFail")
    grant(shop, customer, 100)
    invoice = billed(shop, customer, 40)
    during = available(shop, customer)
    shop.v1.invoices.void_invoice(str(invoice.id))

    assert (invoice.status, during, available(shop, customer)) == ("open", [0], [100])


def test_what_is_left_expires_or_is_voided(shop: Shop) -> None:
    customer = shop.customer()
    grant(shop, customer, 10, expires_at=shop.emulator.now() + DAY)
    by_hand, mistaken = grant(shop, customer, 20), grant(shop, customer, 30)
    shop.advance(days=2)
    ended = shop.v1.billing.credit_grants.expire(by_hand.id)
    voided = shop.v1.billing.credit_grants.void_grant(mistaken.id)

    assert available(shop, customer) == [0]
    assert (ended.expires_at is not None, voided.voided_at is not None) == (True, True)
    kinds = [
        each.debit.type
        for each in shop.v1.billing.credit_balance_transactions.list({"customer": customer}).data
        if each.debit
    ]
    assert kinds == ["credits_voided", "credits_expired", "credits_expired"]
    with pytest.raises(stripe.InvalidRequestError, match="voided already"):
        shop.v1.billing.credit_grants.expire(mistaken.id)


def test_a_grant_that_was_used_can_only_expire(shop: Shop) -> None:
    customer = shop.customer()
    made = grant(shop, customer, 100)
    billed(shop, customer, 1)
    with pytest.raises(stripe.InvalidRequestError, match="expire it instead"):
        shop.v1.billing.credit_grants.void_grant(made.id)

    later = shop.v1.billing.credit_grants.update(made.id, {"expires_at": shop.emulator.now() + DAY})
    assert later.expires_at is not None
    assert [each.id for each in shop.v1.billing.credit_grants.list({"customer": customer}).data] == [made.id]


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"value": 0}, "amount[monetary][value]"),
        ({"expires_at": 1}, "expires_at"),
        ({"priority": 101}, "priority"),
        ({"scope": {"prices": [{"id": "price_0"}]}}, "applicability_config[scope][prices][0][id]"),
    ],
)
def test_a_grant_that_cannot_be_is_refused(shop: Shop, form: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        grant(shop, shop.customer(), **form)

    assert refused.value.param == param
