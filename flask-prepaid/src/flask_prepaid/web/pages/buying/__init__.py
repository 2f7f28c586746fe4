"""Buying credits: what is for sale, how it is paid, and what came of it. Part of ``web``."""
