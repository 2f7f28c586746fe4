"""What came of a payment at Stripe, and what its row becomes by it. Part of ``payments``.

``applying.py`` brings the row to what was fetched, which ``comparison.py`` compares with what was agreed.
``giving.py`` gives what is paid as agreed, ``wrong_charges.py`` keeps for a review what was paid otherwise,
and ``transitions.py`` notes the rest.
"""
