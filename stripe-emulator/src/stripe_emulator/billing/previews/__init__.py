"""The invoice that would follow, shown before anything is done.

Imports ``billing/schedules`` and what lies below it.
"""
