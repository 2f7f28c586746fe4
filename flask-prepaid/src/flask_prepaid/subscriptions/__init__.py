"""Plans: beginning, changing and ending them, and the credits that their invoices give.

Imports ``catalog``, ``gateway``, ``payments``, and the ground.
"""
