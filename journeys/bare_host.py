"""An app that brings nothing of its own: the extension's pages in the extension's frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.serving import WSGIRequestHandler, make_server

from flask_prepaid import Operator, Operators, Pack, Plan, Prepaid, PriceTier, Quantity, Role

from .conftest import free_port


class Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def serve(emulator_url: str, folder: Path) -> Iterator[str]:
    """The host's address. Its one customer and its operator are whoever comes."""
    app = Flask("bare")
    app.config.update(
        DEBUG=True,
        SECRET_KEY="x",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}/bare.sqlite3",
        PREPAID_STRIPE_API_BASE=emulator_url,
    )
    db = SQLAlchemy(app)
    prepaid = Prepaid(
        app,
        db,
        packs=[Pack("starter", credits=100, amount_minor=500), Pack("big", credits=1000, amount_minor=4000)],
        quantity=Quantity((PriceTier(1, 10), PriceTier(100, 8)), min_credits=5),
        plans=[Plan("monthly", credits=50, amount_minor=300), Plan("more", credits=200, amount_minor=900)],
        owner=lambda: "user:1",
        operators=Operators(current=lambda: Operator(name="pat", role=Role.ADMIN)),
    )

    @app.post("/report")
    @prepaid.costs(3)
    def report() -> str:
        return "A report"

    with app.app_context():
        prepaid.upgrade()
    server = make_server("127.0.0.1", free_port(), app, threaded=True, request_handler=Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    with app.app_context():
        db.engine.dispose()
