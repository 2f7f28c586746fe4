"""The store of objects: a database of SQLite, its transactions, and states of it that are kept by a name.

Imports ``core``.
"""
