"""What can win a dispute beyond plain evidence: Visa's compelling evidence, and the fee of a compliance case.

https://docs.stripe.com/disputes/api/visa-ce3, https://docs.stripe.com/disputes/api/visa-compliance
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

COMPELLING, COMPLIANCE = "visa_compelling_evidence_3", "visa_compliance"

#: How many earlier payments that nobody disputed Visa wants to see.
PRIOR_PAYMENTS = 2

#: What tells a customer: one of the first and another, the same in all payments.
MAIN = ("customer_purchase_ip", "customer_device_id", "customer_device_fingerprint")
SECONDARY = ("customer_account_id", "customer_email_address", "shipping_address")

_DISPUTED = (*MAIN, *SECONDARY, "merchandise_or_services", "product_description")
_PRIOR = ("charge", *MAIN, *SECONDARY, "product_description")


def given(form: Json, before: Json) -> Json:
    """``evidence[enhanced_evidence]`` as a dispute shows it.

    :raises InvalidRequest: An earlier payment that it names is not there.
    """
    after = dict(before)
    if COMPELLING in form:
        after[COMPELLING] = _compelling(form[COMPELLING], before.get(COMPELLING) or {})
    if COMPLIANCE in form:
        after[COMPLIANCE] = {"fee_acknowledged": bool(form[COMPLIANCE].get("fee_acknowledged"))}
    return after


def eligibility(dispute: Json, *, submitted: bool) -> Json:
    """``enhanced_eligibility``: what is still missing, and once it is submitted whether it qualifies."""
    types, evidence = dispute["enhanced_eligibility_types"], dispute["evidence"]["enhanced_evidence"]
    eligible: Json = {}
    if COMPELLING in types:
        missing = _missing(evidence.get(COMPELLING) or {})
        waits = "not_qualified" if submitted else "requires_action"
        eligible[COMPELLING] = {"required_actions": missing, "status": waits if missing else "qualified"}
    if COMPLIANCE in types:
        acknowledged = (evidence.get(COMPLIANCE) or {}).get("fee_acknowledged")
        eligible[COMPLIANCE] = {
            "status": "fee_acknowledged" if acknowledged else "requires_fee_acknowledgement"
        }
    return eligible


def must_be_complete(dispute: Json) -> None:
    """:raises InvalidRequest: A compliance case is answered only by who accepts the network's fee."""
    acknowledged = (dispute["evidence"]["enhanced_evidence"].get(COMPLIANCE) or {}).get("fee_acknowledged")
    if COMPLIANCE in dispute["enhanced_eligibility_types"] and not acknowledged:
        raise InvalidRequest(
            "To submit evidence for a Visa compliance dispute, acknowledge its fee of 500 USD.",
            param="evidence[enhanced_evidence][visa_compliance][fee_acknowledged]",
        )


def _compelling(form: Json, before: Json) -> Json:
    disputed = form.get("disputed_transaction")
    priors = form.get("prior_undisputed_transactions")
    return {
        "disputed_transaction": before.get("disputed_transaction")
        if disputed is None
        else _whole(disputed, _DISPUTED),
        "prior_undisputed_transactions": before.get("prior_undisputed_transactions") or []
        if priors is None
        else [_prior(prior, number) for number, prior in enumerate(priors or [])],
    }


def _prior(form: Json, number: int) -> Json:
    param = f"evidence[enhanced_evidence][{COMPELLING}][prior_undisputed_transactions][{number}][charge]"
    store.named("charge", form.get("charge", ""), param)
    return _whole(form, _PRIOR)


def _whole(form: Json, keys: tuple[str, ...]) -> Json:
    return {key: form.get(key) or None for key in keys}


def _missing(evidence: Json) -> list[str]:
    disputed: Json = evidence.get("disputed_transaction") or {}
    priors: list[Json] = evidence.get("prior_undisputed_transactions") or []
    known: dict[str, bool] = {
        "missing_customer_identifiers": _tells_the_customer([disputed, *priors]),
        "missing_disputed_transaction_description": bool(disputed.get("product_description")),
        "missing_merchandise_or_services": bool(disputed.get("merchandise_or_services")),
        "missing_prior_undisputed_transaction_description": bool(priors)
        and all(prior["product_description"] for prior in priors),
        "missing_prior_undisputed_transactions": len(priors) >= PRIOR_PAYMENTS,
    }
    return [name for name, is_there in known.items() if not is_there]


def _tells_the_customer(payments: list[Json]) -> bool:
    """Whether two identifiers are the same in all payments, one of them a main one."""

    def same(key: str) -> bool:
        values: list[Any] = [payment.get(key) for payment in payments]
        return values[0] is not None and all(value == values[0] for value in values)

    main = [key for key in MAIN if same(key)]
    return bool(main) and len(main) + sum(same(key) for key in SECONDARY) > 1
