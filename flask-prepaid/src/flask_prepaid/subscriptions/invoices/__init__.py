"""A plan's invoices, and the credits that each gives or takes, once. Part of ``subscriptions``.

``worth.py`` is the rule. ``invoice_credits.py`` settles a paid invoice by it, ``giving.py`` and
``smaller_plans.py`` write to the ledger, and ``plan_lots.py`` finds there what was given. Of plans that give
month by month ``plan_months.py`` has the months to come, and ``month_refunds.py`` the money of them that goes
back.
"""
