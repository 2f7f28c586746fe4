"""What is added up by day for the reports: the tables, who counts into them, and the audit's rules on them.

Part of ``reports``. ``balance/`` adds up what moved Stripe's balance.
"""
