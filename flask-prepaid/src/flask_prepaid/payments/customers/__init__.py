"""Customers: one at Stripe for each owner, whom it writes to and bills. Part of ``payments``.

``rows.py`` has the owner's row, ``making.py`` makes the customer at Stripe, under the keys of ``asking.py``;
``contact.py`` keeps address and language in step, ``billing_details.py`` whom invoices are for,
``removal.py`` is how they leave, and ``unwanted.py`` deletes those who were made for nobody.
"""
