"""Payment methods: which kinds there are, where each may be used, and what their owners permit.

Imports ``payments/cards`` and what lies below it.
"""
