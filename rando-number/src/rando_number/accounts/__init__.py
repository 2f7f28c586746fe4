"""Who a customer is: registering, signing in, passwords, second factors, closing the account.

Imports ``audit_log``, ``callers``, ``edge``, ``mails``, ``models``, ``rate_limits``, ``shop``. Never the API.
"""
