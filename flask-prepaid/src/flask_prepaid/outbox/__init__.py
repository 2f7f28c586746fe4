"""What a host and its customers are told: written down with what it tells, then delivered at least once.

Alerts by the customer, webhooks of the customer's and the log of mails are here. Imports ``gateway`` for its
time limits of HTTP, and what all may import: ``checks``, ``context``, ``errors``, ``money``, ``signals``.
"""
