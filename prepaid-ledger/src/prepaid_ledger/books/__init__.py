"""The rules by which credits move, each verb in its file.

Imports ``clock``, ``database``, ``errors``, ``tables``.
"""
