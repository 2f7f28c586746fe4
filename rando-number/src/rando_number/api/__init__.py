"""The API for programs: its routes, its document, and the callable that serves most calls in front of Flask.

May import ``accounts``, ``keys``, ``limits``, ``usage``, the models, numbers, callers, errors and the edge.
"""
