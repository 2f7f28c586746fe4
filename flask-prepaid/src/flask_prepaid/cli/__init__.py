"""The commands of ``flask prepaid``."""
