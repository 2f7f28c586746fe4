"""A shop to look at: demo users, and made-up customers who live months on the emulator's clock.

May import ``accounts``, the models, the shop, numbers and callers.
Only the command line and the factory import it.
"""
