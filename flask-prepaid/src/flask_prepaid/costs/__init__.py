"""Views that cost credits: hold, view, capture, and no lock while the view works.

Imports ``checks``, ``errors``, ``keys``, ``payments`` and ``web``.
"""
