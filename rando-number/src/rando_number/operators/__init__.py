"""Who looks after the shop, how they find and block a customer, and the page of the audit log, in sentences.

Imports ``audit_log``, ``callers``, ``extensions``, ``models``, ``owners``.
"""
