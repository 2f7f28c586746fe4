"""Who sells."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .values import ConfigError

MAIL_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+")


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The seller's name and addresses, for the pages and mails that say them.

    :raises ConfigError: The contact is no mail address.
    """
    contact = environ.get("RANDO_CONTACT", "").strip()
    if contact and not MAIL_ADDRESS.fullmatch(contact):
        raise ConfigError(f"RANDO_CONTACT must be a mail address such as help@shop.example, not {contact!r}.")
    return {
        "SELLER": environ.get("RANDO_SELLER", "").strip(),
        "SELLER_ADDRESS": environ.get("RANDO_ADDRESS", "").strip(),
        "CONTACT": contact,
        "PREPAID_SHOP_NAME": "Rando Number",
        "PREPAID_SUPPORT_EMAIL": contact,
    }
