"""What every request and answer passes, for any page: its language, files, hosts, headers, streams, health.

Imports ``callers``, ``limits``, ``migrations``, ``models``.
"""
