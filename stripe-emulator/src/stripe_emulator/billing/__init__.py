"""How Stripe bills: what the resource files of subscriptions and invoices stand on.

From arithmetic to a subscription's life; each module may import those above it:

    periods      where a billing period begins and ends                 (pure)
    amounts      price times quantity, rounding, words on an invoice    (pure)
    totals       subtotal, discounts, taxes, what is left to pay        (pure)
    clocks       whose time a request lives by
    discounts    coupons and promotion codes, redeemed and applied
    lines        lines of an invoice, from items and pending items
    drafts       an invoice before it is final
    invoices     finalize, pay, void: an invoice's states
    collection   charging for it, and trying again
    items        a subscription's items, from forms
    terms        dates, trial, payment: from forms
    states       what a subscription's states follow from
    cycle        what falls due: renewals, ends of trials, cancellations
    start        a new subscription and its first invoice
    changes      a subscription is changed, with prorations
    proration    credit for the old, a share of the new
    endings      canceling at once; pauses: and taking it up again
    phase_forms  phases of a schedule, from forms
    phases       subscription schedules
    previews     the invoice that would follow
    credits      credit notes
    checkout     Checkout's subscription mode; session_discounts: its discounts
    post_payment the invoice of what Checkout sold once
"""
