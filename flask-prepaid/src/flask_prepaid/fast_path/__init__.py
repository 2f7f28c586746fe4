"""Calls that sell by one INSERT: what they are, and the ASGI callable that answers them in front of Flask.

Imports ``checks``, ``context``, ``errors``, ``keys`` and the ledger. Flask's half is ``web/selling.py``.
"""
