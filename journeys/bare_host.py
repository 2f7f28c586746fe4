"""An app that brings nothing of its own: the extension's pages in the extension's frame."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wsgi import ClosingIterator

from flask_prepaid import Operator, Operators, Pack, Plan, Prepaid, PriceTier, Quantity, Role

from .conftest import free_port

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def served(app: Flask, port: int) -> Iterator[str]:
    """The address of an app that a browser may ask."""
    server = make_server("127.0.0.1", port, read_whole(app), threaded=True, request_handler=Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()


def read_whole(app: Flask) -> WSGIApplication:
    """The app, whose answers are read to their end before they are sent.

    Werkzeug's server leaves a file open where the browser resets the line.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with closing(ClosingIterator(app(environ, start_response))) as parts:
            return list(parts)

    return answer


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
    with served(app, free_port()) as address:
        yield address
    with app.app_context():
        db.engine.dispose()
