"""Where our answer may differ from the recorded one: the field, by its object, and why."""

from __future__ import annotations

#: Settings of the account that was recorded; the emulator's account has its own.
OF_ANOTHER_ACCOUNT = (
    "balance_transaction.available_on",  # its money waits seven days, ours two
    "charge.calculated_statement_descriptor",
    "checkout.session.adaptive_pricing.enabled",
    "checkout.session.branding_settings.display_name",
    "checkout.session.payment_method_options.us_bank_account",
    "checkout.session.payment_method_options.wechat_pay",
    "checkout.session.payment_method_types",
    "coupon.times_redeemed",  # by customers of whom no recording tells
    "invoice.account_name",
    "payment_intent.payment_method_options.acss_debit",
    "payment_intent.payment_method_options.afterpay_clearpay",
    "payment_intent.payment_method_options.alipay",
    "payment_intent.payment_method_options.cashapp",
    "payment_intent.payment_method_options.klarna",
    "payment_intent.payment_method_options.link",
    "payment_intent.payment_method_options.us_bank_account",
    "payment_intent.payment_method_options.wechat_pay",
    "payment_intent.payment_method_types",
)

#: Drawn by chance, or by a rule that Stripe does not tell.
BY_CHANCE = (
    "charge.outcome.risk_score",
    "charge.payment_method_details.card.authorization_code",
    "charge.payment_method_details.card.fingerprint",
    "payment_method.card.fingerprint",
    "payment_method.sepa_debit.fingerprint",
)

#: Addresses of Stripe's pages; ours are on this machine.
ADDRESSES = (
    "charge.receipt_url",
    "checkout.session.url",
    "invoice.hosted_invoice_url",
    "invoice.invoice_pdf",
    "payment_intent.next_action.redirect_to_url.url",
)

#: Fields that Stripe added after the recording, to every version. Only their absence there is allowed.
ADDED_SINCE = (
    "charge.payment_method_details.card.transaction_link_id",
    "checkout.session.managed_payments",
    "customer.customer_account",
    "discount.customer_account",
    "invoice.amount_paid_off_stripe",
    "invoice.customer_account",
    "invoiceitem.customer_account",
    "invoiceitem.net_amount",
    "invoiceitem.quantity_decimal",
    "line_item.quantity_decimal",
    "line_item.subscription",  # in Stripe's specification, and in no recording
    "line_item.subtotal",
    "payment_intent.customer_account",
    "payment_intent.managed_payments",
    "payment_method.customer_account",
    "refund.customer",
    "refund.customer_account",
    "refund.payment_method",
    "subscription.billing_schedules",
    "subscription.customer_account",
    "subscription.invoice_settings.custom_fields",
    "subscription.invoice_settings.description",
    "subscription.invoice_settings.footer",
    "subscription.managed_payments",
)

#: Stripe takes a second or two to book a payment, and was asked meanwhile. Only null there is allowed.
A_MOMENT_LATER = ("charge.balance_transaction",)
