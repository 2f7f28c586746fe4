"""Where a customer's credits went: totals by day and by key, and the statement.

May import ``keys``, the models, numbers, callers and the audit log.
"""
