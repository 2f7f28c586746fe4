"""A shop to look at: demo users, and made-up customers who live months on the emulator's clock.

Imports ``accounts``, ``models``, ``numbers``, ``shop``.
Only the command line and the factory import it.
"""
