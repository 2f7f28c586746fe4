"""Codes that give credits: making them, redeeming them, and what slows down who guesses at them.

Imports ``payments``, and the ground.
"""
