"""Random numbers by the call, sold with prepaid credits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from . import about, audit_log, cli, errors, pages, shop
from .accounts import setup as accounts
from .api import openapi, routes
from .config.data_folder import data_folder
from .config.environment import environment
from .config.reading import configuration
from .demo.clock import clock_of
from .edge import compression, crawlers, files, headers, health, languages, streams
from .edge.clients import ClientCheck
from .edge.hosts import HostCheck, Hosts
from .extensions import db
from .operators import audit_page
from .rate_limits import rates
from .usage import downloads, statement

__all__ = ["create_app"]


def create_app(
    environ: Mapping[str, str] | None = None,
    *,
    clock: Callable[[], datetime] | None = None,
    http_client: Any = None,
) -> Flask:
    """The shop.

    :param environ: The settings, in place of the environment and ``.env``.
    :param clock: The time now, in UTC, by which credits come and go. By default the
        machine's, and the emulator's while that stands in for Stripe.
    :param http_client: A ``stripe.HTTPClient`` in place of the SDK's own.
    :raises ConfigError: A setting is missing or wrong.
    """
    environ = environment() if environ is None else environ
    app = Flask(__name__, instance_path=str(data_folder(environ)))
    app.config.from_mapping(configuration(environ))
    app.extensions["rando_hosts"] = hosts = Hosts(app.config["BASE_URL"])
    app.wsgi_app = HostCheck(app.wsgi_app, hosts, headers.on_every_answer(app))  # type: ignore[method-assign]
    app.wsgi_app = ClientCheck(app.wsgi_app)  # type: ignore[method-assign]
    if hops := app.config["PROXY_HOPS"]:
        behind = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
        app.wsgi_app = behind  # type: ignore[method-assign]

    db.init_app(app)
    languages.init_app(app)
    shop.init_app(app, clock=clock or clock_of(app), http_client=http_client)
    files.init_app(app)
    compression.init_app(app)
    headers.init_app(app)
    rates.init_app(app)
    streams.init_app(app)
    accounts.init_app(app)
    audit_log.init_app(app)
    audit_page.init_app(app)
    openapi.init_app(app, routes.blueprint)
    errors.init_app(app)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # status first; Flask-Security has put its own

    about.init_app(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(statement.blueprint)
    app.register_blueprint(downloads.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(crawlers.blueprint)
    cli.init_app(app)
    return app
