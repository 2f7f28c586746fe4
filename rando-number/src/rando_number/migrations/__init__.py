"""The migrations of the shop's own tables, and how they are run. Imports ``columns``, ``extensions``."""
