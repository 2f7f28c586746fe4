"""Codes that give credits: making them, redeeming them, and what slows down who guesses at them.

Imports ``payments``, and what all may import: ``checks``, ``context``, ``errors``, ``signals``.
"""
