"""The API for programs: its routes, its document, and the callable that serves most calls in front of Flask.

Imports ``accounts``, ``callers``, ``edge``, ``errors``, ``extensions``, ``models``, ``numbers``, ``usage``.
"""
