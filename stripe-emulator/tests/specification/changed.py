"""Where an answer may differ from Stripe's specification of 2026-08-26.dahlia: the field, and why."""

from __future__ import annotations

#: Sent by Stripe, as recorded traffic shows, and left out of its specification.
STILL_SENT = {
    "charge.destination",
    "charge.dispute",
    "charge.order",
    "charge.source",
    "payment_intent.source",
    "product.type",
    "recurring.trial_period_days",
    "subscription.plan",
    "subscription.quantity",
    "subscription_item.plan",
    "subscription_schedule_configuration_item.plan",
}

#: Added, renamed or taken away by 2026-10-28.endive, which the SDK shows.
CHANGED_BY_ENDIVE = {
    "account_payments_settings.statement_descriptor_prefix_kana",  # added
    "account_payments_settings.statement_descriptor_prefix_kanji",  # added
    "checkout.session.allowed_payment_method_types",  # added
    "dispute_evidence_details.submission_method",  # added
    "payment_method_configuration.paypay",  # added
    "payment_method_configuration.sequra",  # added
    "portal_features.subscription_pause",  # added
    "subscriptions_resource_trial_settings_end_behavior.billing_cycle_anchor",  # added
    "subscription_schedule.pause_schedules",  # added
}


def allows(place: str) -> bool:
    """Whether a field may differ."""
    return place in STILL_SENT or place in CHANGED_BY_ENDIVE or place.endswith(".total_count")


#: Parameters of old programs, which only the specification or only the SDK still names.
OF_OLD_PROGRAMS = {
    "GET /v1/products type",
    "GET /v1/subscriptions plan",
    "POST /v1/charges card",
    "POST /v1/customers validate",
    "POST /v1/customers/{customer} bank_account",
    "POST /v1/customers/{customer} card",
    "POST /v1/customers/{customer} default_alipay_account",
    "POST /v1/customers/{customer} default_bank_account",
    "POST /v1/customers/{customer} default_card",
    "POST /v1/customers/{customer} validate",
    "POST /v1/customers/{customer}/sources alipay_account",
    "POST /v1/customers/{customer}/sources bank_account",
    "POST /v1/customers/{customer}/sources card",
    "POST /v1/customers/{customer}/sources validate",
    "POST /v1/products type",
    "POST /v1/subscription_items plan",
    "POST /v1/subscription_items/{item} plan",
}

#: What a browser sends with its publishable key, and no SDK of a server has.
OF_BROWSERS = {
    "POST /v1/payment_intents/{intent}/confirm client_secret",
    "POST /v1/setup_intents/{intent}/confirm client_secret",
}

#: Parameters that endive added, or took away (``payment_method_types``).
OF_ENDIVE = {
    "POST /v1/billing_portal/sessions after_expiration",
    "POST /v1/checkout/sessions allowed_payment_method_types",
    "POST /v1/checkout/sessions payment_method_types",
    "POST /v1/checkout/sessions/{session} payment_intent_data",
    "POST /v1/disputes/{dispute} intended_submission_method",
    "POST /v1/invoiceitems/{invoiceitem} invoicing_rules",
    "POST /v1/payment_intents payment_method_types",
    "POST /v1/payment_intents/{intent} payment_method_types",
    "POST /v1/payment_intents/{intent}/confirm payment_method_types",
    "POST /v1/payment_method_configurations paypay",
    "POST /v1/payment_method_configurations sequra",
    "POST /v1/payment_method_configurations/{configuration} paypay",
    "POST /v1/payment_method_configurations/{configuration} sequra",
    "POST /v1/payment_methods paypay",
    "POST /v1/payment_methods sequra",
    "POST /v1/payment_methods/{payment_method} payto",
    "POST /v1/products tax_details",
    "POST /v1/products/{id} tax_details",
    "POST /v1/setup_intents payment_method_types",
    "POST /v1/setup_intents/{intent} payment_method_types",
    "POST /v1/subscription_items current_trial",
    "POST /v1/subscription_items/{item} current_trial",
    "POST /v1/subscription_schedules pause_schedules",
    "POST /v1/subscription_schedules/{schedule} pause_schedules",
    "POST /v1/subscriptions/{subscription}/resume payment_behavior",
}

PARAMETERS = OF_OLD_PROGRAMS | OF_BROWSERS | OF_ENDIVE

#: Parameters whose list of words endive changed.
WORDS = {
    "GET /v1/customers/{customer}/payment_methods type",
    "GET /v1/payment_methods type",
    "POST /v1/checkout/sessions locale",
    "POST /v1/checkout/sessions ui_mode",
    "POST /v1/customers/{customer}/tax_ids type",
    "POST /v1/payment_methods type",
    "POST /v1/tax_ids type",
    "POST /v1/tax_rates tax_type",
    "POST /v1/tax_rates/{tax_rate} tax_type",
}
