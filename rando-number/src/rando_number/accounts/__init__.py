"""Who a customer is: registering, signing in, passwords, second factors, own data, closing.

Imports ``audit_log``, ``callers``, ``columns``, ``edge``, ``extensions``, ``mails``, ``models``, ``owners``,
``rate_limits``, ``shop``. Never the API.
"""
