"""Customers: one at Stripe for each owner, whom it writes to and bills. Part of ``payments``.

``rows.py`` has the owner's row, ``making.py`` makes the customer at Stripe, ``contact.py`` keeps address and
language in step, ``billing_details.py`` whom invoices are for, ``removal.py`` is how they leave.
"""
