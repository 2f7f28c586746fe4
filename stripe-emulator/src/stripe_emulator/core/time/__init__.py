"""The clock, what falls due by it, and periods of days and months.

Imports ``core`` and ``core/database``.
"""
