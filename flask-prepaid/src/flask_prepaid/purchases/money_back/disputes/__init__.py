"""What a card's bank says of a payment: it warns of fraud, or disputes it. Part of ``purchases``.

``warning_sync.py`` and ``dispute_sync.py`` write what Stripe tells; ``fraud_warnings.py`` and ``disputes.py``
say which of them stand. ``warning_refunds.py`` refunds before a bank disputes, and ``disputed_plans.py`` ends
what would be charged again.
"""
