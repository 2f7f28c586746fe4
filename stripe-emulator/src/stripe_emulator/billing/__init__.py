"""How Stripe bills: what the resource files of subscriptions and invoices stand on.

From arithmetic to a subscription's life; each module may import those above it:

    periods      where a billing period begins and ends                 (pure)
    amounts      price times quantity, rounding, words on an invoice    (pure)
    totals       subtotal, discounts, taxes, what is left to pay        (pure)
    prices       the price that a form names or describes
    discounts    coupons and promotion codes, redeemed and applied
    lines        lines of an invoice, from items and pending items
    drafts       an invoice before it is final
    invoices     finalize, pay, void: an invoice's states
    collection   charging for it, and trying again
    items        a subscription's items, from forms
    states       what a subscription's states follow from
    cycle        what falls due: renewals, ends of trials, cancellations
    start        a new subscription and its first invoice
    changes      a subscription is changed, with prorations
    previews     the invoice that would follow
    phases       subscription schedules
"""
