"""The settings, read once from the environment or ``.env``: a file for each subject, and what is refused.

``reading.py`` makes the app's configuration of them all. Imports nothing of the shop.
"""
