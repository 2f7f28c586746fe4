"""Who a customer is: registering, signing in, passwords, second factors, closing the account.

May import ``keys``, ``limits``, the models, the shop, callers, the edge, mails and the audit log; never
the API.
"""
