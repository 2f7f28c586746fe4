"""Messages to a host and its customers: rows written in the transaction of what they are about, then sent.

Each arrives at least once. Alerts by the customer, webhooks of the customer's and the log of mails are here.
Imports ``gateway`` for its time limits of HTTP, and the ground.
"""
