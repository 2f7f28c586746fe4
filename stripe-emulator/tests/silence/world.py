"""The world in which parameters are tried, and those that change nothing there, with the reason."""

from __future__ import annotations

#: What is made, in this order. ``{customers}`` stands for the id that ``/v1/customers`` answered last.
STEPS = [
    ("/v1/products", "id=prod_gold&name=Gold"),
    ("/v1/prices", "product=prod_gold&currency=usd&unit_amount=1000&recurring[interval]=month"),
    ("/v1/coupons", "percent_off=10&duration=once"),
    ("/v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]={coupons}"),
    ("/v1/tax_rates", "display_name=VAT&inclusive=false&percentage=19"),
    (
        "/v1/shipping_rates",
        "display_name=Post&type=fixed_amount&fixed_amount[amount]=100&fixed_amount[currency]=usd",
    ),
    ("/v1/billing/meters", "display_name=Calls&event_name=calls&default_aggregation[formula]=sum"),
    ("/v1/webhook_endpoints", "url=http://127.0.0.1:9/&enabled_events[0]=customer.created"),
    ("/v1/test_helpers/test_clocks", "frozen_time=1767229200"),
    ("/v1/entitlements/features", "name=A&lookup_key=a"),
    ("/v1/products/{products}/features", "entitlement_feature={features}"),
    ("/v1/customers", "email=jenny@example.com"),
    ("/v1/customers/{customers}/tax_ids", "type=eu_vat&value=DE123456789"),
    ("/v1/customers/{customers}/balance_transactions", "amount=-5&currency=usd"),
    # Its bank asks for its owner whenever they are there.
    ("/v1/payment_methods", "type=card&card[token]=tok_authenticationRequiredSetupForOffSession"),
    ("/v1/payment_methods/{payment_methods}/attach", "customer={customers}"),
    ("/v1/setup_intents", "customer={customers}&payment_method={payment_methods}"),
    (
        "/v1/payment_intents",
        "amount=1000&currency=usd&confirm=true&payment_method=pm_card_visa&return_url=https://a.example",
    ),
    ("/v1/refunds", "payment_intent={payment_intents}&amount=10"),
    ("/v1/payment_intents", "amount=1000&currency=usd&customer={customers}&payment_method=pm_card_visa"),
    (
        "/v1/subscriptions",
        "customer={customers}&items[0][price]={prices}&default_payment_method={attach}&off_session=true",
    ),
    (
        "/v1/billing/credit_grants",
        "customer={customers}&amount[type]=monetary&amount[monetary][value]=100&amount[monetary][currency]=usd"
        "&applicability_config[scope][price_type]=metered&category=paid",
    ),
    (
        "/v1/subscription_schedules",
        "customer={customers}&start_date=now&phases[0][items][0][price]={prices}"
        "&phases[0][duration][interval]=month&phases[0][duration][interval_count]=2",
    ),
    ("/v1/invoices", "customer={customers}"),
    ("/v1/invoiceitems", "customer={customers}&amount=500&currency=usd&invoice={invoices}"),
    ("/v1/invoices/{invoices}", "description=Work"),
    ("/v1/payment_links", "line_items[0][price]={prices}&line_items[0][quantity]=1"),
    ("/v1/quotes", "customer={customers}&line_items[0][price]={prices}"),
    (
        "/v1/checkout/sessions",
        "mode=payment&success_url=https://a.example&line_items[0][price_data][currency]=usd"
        "&line_items[0][price_data][unit_amount]=500&line_items[0][price_data][product_data][name]=Gold"
        "&line_items[0][quantity]=1",
    ),
    ("/v1/billing_portal/configurations", "features[invoice_history][enabled]=true"),
    ("/v1/payment_method_domains", "domain_name=a.example"),
    ("/v1/payment_method_configurations", "name=A"),
    (
        "/v1/tax/calculations",
        "currency=usd&line_items[0][amount]=100&customer_details[address][country]=US"
        "&customer_details[address][state]=CA&customer_details[address_source]=billing",
    ),
    (
        "/v1/tax/transactions/create_from_calculation",
        "calculation={calculations}&reference=order",
    ),
]

#: Further forms that routes are asked with.
FORMS = [
    (
        "/v1/checkout/sessions",
        "mode=subscription&success_url=https://a.example&line_items[0][price]={prices}&line_items[0][quantity]=1",
    ),
    ("/v1/checkout/sessions", "mode=setup&success_url=https://a.example&currency=usd"),
    ("/v1/invoices/create_preview", "subscription={subscriptions}"),
    ("/v1/invoices/create_preview", "customer={customers}&subscription_details[items][0][price]={prices}"),
    (
        "/v1/prices",
        "product=prod_gold&currency=usd&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=inf"
        "&tiers[0][unit_amount]=5&recurring[interval]=month",
    ),
    (
        "/v1/prices",
        "product=prod_gold&currency=usd&recurring[interval]=month&recurring[usage_type]=metered"
        "&recurring[meter]={meters}&unit_amount=1",
    ),
    ("/v1/coupons", "amount_off=5&currency=usd&duration=repeating&duration_in_months=3"),
    (
        "/v1/payment_methods",
        "type=card&card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2050&card[cvc]=123",
    ),
    (
        "/v1/payment_methods",
        "type=sepa_debit&sepa_debit[iban]=DE89370400440532013000&billing_details[name]=A"
        "&billing_details[email]=a@b.example",
    ),
    ("/v1/payment_intents", "amount=1000&currency=usd"),
    ("/v1/payment_intents/{payment_intents}/confirm", "return_url=https://a.example"),
    (  # a card that asks for its owner, so that it matters who asks and whether the owner is there
        "/v1/payment_intents",
        "amount=1000&currency=usd&confirm=true&return_url=https://a.example"
        "&payment_method=pm_card_authenticationRequired",
    ),
    (
        "/v1/payment_intents/{payment_intents}/confirm",
        "return_url=https://a.example&payment_method=pm_card_authenticationRequired",
    ),
    ("/v1/setup_intents", "confirm=true&payment_method=pm_card_visa&return_url=https://a.example"),
    (
        "/v1/setup_intents",
        "confirm=true&payment_method=pm_card_authenticationRequired&return_url=https://a.example",
    ),
    (
        "/v1/setup_intents/{setup_intents}/confirm",
        "return_url=https://a.example&payment_method=pm_card_authenticationRequired",
    ),
    ("/v1/setup_intents/{setup_intents}/confirm", "return_url=https://a.example"),
    ("/v1/subscriptions", "customer={customers}&items[0][price]={prices}&trial_period_days=5"),
    (
        "/v1/subscriptions",
        "customer={customers}&items[0][price]={prices}&collection_method=send_invoice&days_until_due=5",
    ),
    (  # the first period is a part of one
        "/v1/subscriptions",
        "customer={customers}&items[0][price]={prices}&default_payment_method={attach}"
        "&billing_cycle_anchor=1768000000",
    ),
    ("/v1/subscriptions/{subscriptions}", "items[0][id]={subscription_items}&items[0][quantity]=2"),
    ("/v1/subscriptions/{subscriptions}", "collection_method=send_invoice&days_until_due=5"),
    ("/v1/subscription_items", "subscription={subscriptions}&price={prices}"),
    ("/v1/billing_portal/sessions", "customer={customers}"),
    ("/v1/customer_sessions", "customer={customers}&components[pricing_table][enabled]=true"),
    ("/v1/ephemeral_keys", "customer={customers}"),
    ("/v1/customers/{customers}/sources", "source=tok_visa"),
    ("/v1/charges", "amount=100&currency=usd&source=tok_visa"),
    ("/v1/refunds", "charge={charges}"),
    ("/v1/invoices/{invoices}/add_lines", "lines[0][amount]=5&lines[0][description]=A"),
    ("/v1/invoices/{invoices}/update_lines", "lines[0][id]={lines}&lines[0][description]=A"),
    ("/v1/invoices/{invoices}/remove_lines", "lines[0][id]={lines}&lines[0][behavior]=delete"),
    ("/v1/billing/meter_events", "event_name=calls&payload[value]=5&payload[stripe_customer_id]={customers}"),
    ("/v1/payment_method_domains/{payment_method_domains}", "enabled=false"),
    ("/v1/payment_method_configurations/{payment_method_configurations}", "name=B"),
    ("/v1/tax/transactions/create_from_calculation", "calculation={calculations}&reference=another"),
    (
        "/v1/tax/transactions/create_reversal",
        "mode=full&original_transaction={create_from_calculation}&reference=back",
    ),
    ("/v1/tax/settings", "defaults[tax_behavior]=inclusive"),
    ("/v1/customers/{customers}/cash_balance", "settings[reconciliation_mode]=manual"),
    ("/v1/test_helpers/test_clocks/{test_clocks}/advance", "frozen_time=1767315600"),
    ("/v1/test_helpers/confirmation_tokens", "payment_method=pm_card_visa"),
]

#: What makes sense of a hash, by its name: beside one of its parameters the others are sent.
COMPANY = {
    "add_invoice_items": "price_data[currency]=usd&price_data[product]={product}&price_data[unit_amount]=700",
    "card": "number=4242424242424242&exp_month=12&exp_year=2050&cvc=123",
    "custom_fields": "key=size&label[type]=custom&label[custom]=Size&type=text",
    "customer_details": "address[country]=US",
    "default_price_data": "currency=usd&unit_amount=700",
    "delivery_estimate": "maximum[unit]=day&maximum[value]=5",
    "invoice_items": "amount=700&currency=usd",
    "items": "price={price}",
    "line_items": "price={price}&quantity=1",
    "lines": "amount=700&description=Work",
    "optional_items": "price={price}&quantity=1",
    "package_dimensions": "height=1&length=1&weight=1&width=1",
    "period": "start[type]=timestamp&start[timestamp]=1893456000"
    "&end[type]=timestamp&end[timestamp]=1893888000",
    "phases": "items[0][price]={price}",
    "price_data": "currency=usd&product={product}&unit_amount=700",
    "recurring": "interval=month",
    "shipping": "name=Jenny&address[line1]=Street&address[country]=US",
    "shipping_details": "name=Jenny&address[line1]=Street&address[country]=US",
    "shipping_rate_data": "display_name=Post&type=fixed_amount&fixed_amount[amount]=100"
    "&fixed_amount[currency]=usd",
    "tax_amounts": "amount=70&taxable_amount=700&tax_rate_data[display_name]=VAT"
    "&tax_rate_data[inclusive]=false&tax_rate_data[percentage]=10",
    "tax_rate_data": "display_name=VAT&inclusive=false&percentage=10",
}

#: A parameter -> those that say the same in another way, and are not sent beside it.
OTHERWISE = {
    "amount": ("amount", "price_data"),
    "discount": ("discount", "coupon"),
    "plan": ("plan", "price"),
    "price": ("price", "price_data", "amount", "currency"),
    "price_data": ("price_data", "price", "amount", "currency"),
    "pricing": ("pricing", "amount", "price_data", "currency"),
    "product_data": ("product_data", "product"),
    "quantity": ("quantity", "amount"),
    "shipping_rate": ("shipping_rate", "shipping_rate_data"),
    "token": ("token", "number", "exp_month", "exp_year", "cvc"),
    "unit_amount": ("unit_amount", "amount"),
    "unit_amount_decimal": ("unit_amount_decimal", "unit_amount", "amount"),
}

#: Name of a parameter -> which step's object it may name.
NAMES = {
    "coupon": "coupons",
    "customer": "customers",
    "default_payment_method": "attach",
    "default_tax_rates": "tax_rates",
    "entitlement_feature": "features",
    "invoice": "invoices",
    "meter": "meters",
    "payment_intent": "payment_intents",
    "payment_method": "attach",
    "plan": "prices",
    "price": "prices",
    "product": "products",
    "promotion_code": "promotion_codes",
    "setup_intent": "setup_intents",
    "shipping_rate": "shipping_rates",
    "subscription": "subscriptions",
    "tax_rates": "tax_rates",
    "test_clock": "test_clocks",
}

#: Route -> parameters that rightly change nothing in this world.
ALIKE: dict[str, list[str]] = {
    # What is taken is what holds without the parameter; other values are refused, or need another form.
    "POST /v1/checkout/sessions": ["ui_mode"],
    "POST /v1/checkout/sessions/{session}": ["shipping_options[0][shipping_rate_data][type]"],
    "POST /v1/customer_sessions": ["components[payment_element][features][payment_method_save]"],
    "POST /v1/invoices": ["collection_method", "pending_invoice_items_behavior"],
    "POST /v1/payment_links": ["after_completion[type]"],
    "POST /v1/payment_links/{payment_link}": ["after_completion[type]"],
    "POST /v1/plans": ["billing_scheme", "usage_type"],
    "POST /v1/shipping_rates": ["type"],
    # Nobody has the key that would be taken from them.
    "POST /v1/prices": ["transfer_lookup_key"],
    "POST /v1/prices/{price}": ["transfer_lookup_key"],
    # Nothing is prorated, nothing is due, no trial runs, and no end is planned. Only automatic tax would read
    # how tax is meant, and a preview with it is refused by its name.
    "POST /v1/invoices/create_preview": [
        "invoice_items[0][price_data][tax_behavior]",
        "invoice_items[0][tax_behavior]",
        "invoice_items[0][tax_code]",
        "subscription_details[items][0][price_data][tax_behavior]",
        "subscription_details[proration_behavior]",
        "subscription_details[trial_end]",
    ],
    "POST /v1/subscription_items/{item}": ["off_session", "payment_behavior", "proration_behavior"],
    "POST /v1/subscriptions/{subscription_exposed_id}": ["off_session", "payment_behavior"],
    "DELETE /v1/subscriptions/{subscription_exposed_id}": ["invoice_now"],
    "POST /v1/subscriptions/{subscription}/pause": ["invoicing_behavior", "type"],
    "POST /v1/subscription_schedules/{schedule}/release": ["preserve_cancel_date"],
    # To be on is refused by the feature's name; to be off is what holds.
    "POST /v1/subscription_schedules": [
        "default_settings[automatic_tax][enabled]",
        "phases[0][automatic_tax][enabled]",
    ],
    "POST /v1/subscription_schedules/{schedule}": [
        "default_settings[automatic_tax][enabled]",
        "phases[0][automatic_tax][enabled]",
        "proration_behavior",
    ],
}
