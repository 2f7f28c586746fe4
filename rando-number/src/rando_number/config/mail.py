"""How mails are sent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .values import flag, number


def settings(environ: Mapping[str, str], data: Path) -> dict[str, Any]:
    """A mail server by ``MAIL_SERVER``; without one, mails are kept as files in the data folder."""
    server = environ.get("MAIL_SERVER")
    return {
        "MAIL_BACKEND": "smtp" if server else "file",
        "MAIL_FILE_PATH": str(data / "mails"),
        "MAIL_SERVER": server,
        "MAIL_PORT": number(environ, "MAIL_PORT", 25, min=1, max=65_535),
        "MAIL_TIMEOUT": 10,  # seconds; a customer may wait for a receipt to go out
        "MAIL_USE_TLS": flag(environ, "MAIL_USE_TLS", False),
        "MAIL_USE_SSL": flag(environ, "MAIL_USE_SSL", False),
        "MAIL_USERNAME": environ.get("MAIL_USERNAME"),
        "MAIL_PASSWORD": environ.get("MAIL_PASSWORD"),
        "MAIL_DEFAULT_SENDER": environ.get("MAIL_DEFAULT_SENDER") or "Rando Number <no-reply@localhost>",
    }
