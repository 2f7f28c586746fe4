"""A shop to look at: demo users, and made-up customers who live months on the emulator's clock.

May import what is sold and ``accounts``; only the command line and the factory import it.
"""
