"""Where a customer's credits went: totals by day and by key, and the statement.

May import ``keys``, ``limits``, the models, numbers, callers, the edge and the audit log.
"""
