"""What every request and answer passes, whatever page it is for: hosts, headers, long answers, health.

Imports ``limits``, ``migrations``, ``models``.
"""
