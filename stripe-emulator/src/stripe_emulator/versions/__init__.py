"""Stripe's earlier versions: what each one changed, told as small translations.

The emulator speaks today's version. A file ``v<date>.py`` has what one version changed: what older
callers may send, what that means today, and how objects looked before. ``chain`` puts them together.
Imports ``contract`` and what lies below it.
"""

from stripe_emulator.versions.chain import CHANGES, downgrade
from stripe_emulator.versions.reading import Reading, read

__all__ = ["CHANGES", "Reading", "downgrade", "read"]
