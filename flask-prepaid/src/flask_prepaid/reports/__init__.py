"""Reports on sales, credits, plans and failures. They read what is sold, and write only their own sums.

Imports ``context``, ``gateway``, ``payments``, ``subscriptions``.
"""
