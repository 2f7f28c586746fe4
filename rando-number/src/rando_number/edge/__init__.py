"""What every request and answer passes, for any page: language, files, hosts, clients, headers, health.

Imports ``callers``, ``extensions``, ``migrations``, ``models``, ``rate_limits``.
"""
