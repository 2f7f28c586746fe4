"""Where a customer's credits went: totals by day and by key, and the statement.

Imports ``audit_log``, ``callers``, ``edge``, ``limits``, ``models``.
"""
