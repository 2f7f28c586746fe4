"""Who a customer is: registering, signing in, passwords, second factors, closing the account.

May import ``keys``, ``limits`` and what customers, mails and the audit log are made of; never the API.
"""
