"""What is added up by day for the reports: who counts, and the audit's rules on the sums.

Part of ``reports``, whose ``models.py`` has the tables. ``balance/`` adds up what moved Stripe's balance.
"""
