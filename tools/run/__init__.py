"""What ``./dev run`` is made of. It needs Python alone, and ``tools/install.py``."""
