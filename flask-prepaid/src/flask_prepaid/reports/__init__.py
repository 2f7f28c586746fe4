"""Reports on sales, credits, plans and failures. They read what is sold.

They write their own sums and the marks of what is counted, ``Payment.failure_counted`` and
``SubscriptionChange.counted``. Before they add credits up, they have the ledger draw what is not drawn yet.

Imports ``codes``, ``gateway``, ``payments``, ``subscriptions``, and the ground.
"""
