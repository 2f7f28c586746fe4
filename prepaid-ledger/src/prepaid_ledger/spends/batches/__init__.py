"""Many spends in one transaction, by the statements of each database.

Imports ``database``, ``slots``, ``spends``.
"""
