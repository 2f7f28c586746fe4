"""Spends that wait at the same time, in threads or in an event loop: who leads them, and who commits.

Imports ``clock``, ``database``, ``errors``, ``spends``, ``spends/batches``.
"""
