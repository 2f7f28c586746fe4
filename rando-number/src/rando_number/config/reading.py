"""The app's configuration, of which each subject has its part. ``.env.example`` has the settings' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import database, extension, limits, mail, security, seller, stripe, web
from .data_folder import made_folder
from .mistakes import mistakes_in
from .values import ConfigError, flag


def configuration(environ: Mapping[str, str]) -> dict[str, Any]:
    """What the app is configured with. It makes the data folder, and the secrets that are not set.

    :raises ConfigError: A setting is missing, wrong, unsafe in production, or called by its old name.
    """
    if wrong := mistakes_in(environ):
        raise ConfigError("\n".join(wrong))
    production = environ.get("RANDO_ENV") == "production"
    data = made_folder(environ)
    return {
        "PRODUCTION": production,
        "METRICS_TOKEN": environ.get("RANDO_METRICS_TOKEN") or "",
        "JSON_LOGS": flag(environ, "RANDO_JSON_LOGS", False),
        **database.settings(environ, data),
        **seller.settings(environ),
        **extension.settings(environ),
        **web.settings(environ),
        **stripe.settings(environ),
        **limits.settings(environ, production),
        **security.settings(environ, data, production),
        **mail.settings(environ, data),
    }
