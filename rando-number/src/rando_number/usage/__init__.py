"""Where a customer's credits went, and the limit that they set: totals, charts, the statement, its files.

Imports ``audit_log``, ``callers``, ``edge``, ``extensions``, ``models``, ``owners``, ``rate_limits``.
"""
