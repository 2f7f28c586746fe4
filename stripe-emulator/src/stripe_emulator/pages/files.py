"""What is in a file: for whoever has the account's key, or the URL of a link to it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from stripe_emulator.api import keys
from stripe_emulator.core import store
from stripe_emulator.core.errors import NotFound, StripeError, Unauthenticated
from stripe_emulator.core.ids import new
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import encode
from stripe_emulator.pages import problem
from stripe_emulator.pages.account import storage
from stripe_emulator.payments import file_links, files

pages = Blueprint("files", __name__)
pages.register_error_handler(StripeError, problem.page)


@pages.get("/v1/files/<file_id>/contents")
def contents(file_id: str) -> Response:
    """https://docs.stripe.com/file-upload#download-file-contents, by the account's secret key."""
    try:
        key = keys.given(request.headers.get("Authorization", ""), {})
        if not key.startswith(keys.SECRET):
            raise Unauthenticated("The contents of a file take a secret API key.", code="secret_key_required")
        with storage().transaction(write=False):
            return _download(store.get("file", file_id, param="file"))
    except StripeError as error:
        return Response(encode(error.envelope(new("request"))), error.status, mimetype="application/json")


@pages.get("/links/<token>")
def linked(token: str) -> Response:
    """The file behind a link, for anybody who has its URL."""
    with storage().transaction(write=False):
        link = file_links.by_url(f"{storage().base_url}/links/{token}")
        if link is None:
            raise NotFound("This link leads nowhere: it has expired, or never was.")
        return _download(store.get("file", link["file"]))


def _download(file: Json) -> Response:
    """The file to save, never to run in the browser: whoever uploaded it chose its type."""
    body, kind = files.read(file)
    response = Response(body, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=file["filename"])
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
