"""Where a customer's credits went: totals by day and by key, and the statement.

May import ``limits``, the models, numbers, callers, the edge and the audit log.
"""
