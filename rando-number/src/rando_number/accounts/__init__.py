"""Who a customer is: registering, signing in, passwords, second factors, closing the account.

Imports ``audit_log``, ``callers``, ``edge``, ``limits``, ``mails``, ``models``, ``shop``. Never the API.
"""
