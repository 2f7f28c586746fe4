"""A shop to look at: demo users, and made-up customers who live months on the emulator's clock.

Imports ``accounts``, ``columns``, ``extensions``, ``models``, ``numbers``, ``owners``, ``shop``.
Only the command line and the factory import it.
"""
