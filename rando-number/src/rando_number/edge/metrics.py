"""What Prometheus asks, with a token: without RANDO_METRICS_TOKEN there is no such page."""

from __future__ import annotations

import fcntl
import os
from hmac import compare_digest
from pathlib import Path
from typing import IO

from flask import Flask, Response, abort, current_app, request

from ..extensions import prepaid

#: As Prometheus reads it.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def show() -> Response:
    """Every series of the shop and of each worker. 404 without the token."""
    token = current_app.config["METRICS_TOKEN"]
    given = request.headers.get("Authorization", "").partition("Bearer ")[2]
    if not token or not compare_digest(given.encode(), token.encode()):
        abort(404)
    return Response(prepaid.metrics(), content_type=CONTENT_TYPE)


def begin(app: Flask) -> None:
    """Have this process count, together with the other workers, if anybody may ask."""
    if not app.config["METRICS_TOKEN"]:
        return
    folder = Path(os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", f"{app.instance_path}/metrics"))
    folder.mkdir(parents=True, exist_ok=True)
    app.extensions["metrics_in_use"] = empty_if_first(folder)
    with app.app_context():
        prepaid.count_metrics()


def empty_if_first(folder: Path) -> IO[bytes]:
    """Throw away what earlier servers have counted, unless a worker counts there; each would add files.

    :return: A file that is locked for as long as it is open: by it the next worker sees this one.
    """
    in_use = (folder / "in-use").open("ab")
    try:
        fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        for file in folder.glob("*.db"):
            file.unlink(missing_ok=True)
    fcntl.flock(in_use, fcntl.LOCK_SH)
    return in_use
