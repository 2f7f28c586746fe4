"""What is downloaded: a file, for whoever has the account's key or the URL of a link to it; a quote's PDF."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, make_response, request

from stripe_emulator.api import keys
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import NotFound, StripeError, Unauthenticated
from stripe_emulator.core.ids import new
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import encode
from stripe_emulator.pages.common import hosts, problem
from stripe_emulator.pages.common.account import storage
from stripe_emulator.pages.papers import quote_pdf
from stripe_emulator.payments.files import file_links, files

pages = Blueprint("files", __name__)
pages.register_error_handler(StripeError, problem.page)


@pages.get("/v1/files/<file_id>/contents")
def contents(file_id: str) -> Response:
    """https://docs.stripe.com/file-upload#download-file-contents, by the account's secret key."""
    return _by_key(lambda: _download(store.get("file", file_id, param="file")))


@pages.get("/v1/quotes/<quote_id>/pdf")
def quote(quote_id: str) -> Response:
    """https://docs.stripe.com/api/quotes/pdf, by the account's secret key."""

    def answer() -> Response:
        return Response(
            quote_pdf.pdf_of(store.get("quote", quote_id, param="quote")), mimetype="application/pdf"
        )

    return _by_key(answer)


def _by_key(answer: Callable[[], Response]) -> Response:
    """The answer, if the account's secret key asks; an error is answered as the API does."""
    if (refused := hosts.refuse_strange()) is not None:
        return make_response(refused)
    try:
        key = keys.given(request.headers.get("Authorization", ""), {})
        if not key.startswith(keys.SECRET):
            raise Unauthenticated("A download takes a secret API key.", code="secret_key_required")
        with storage().transaction(write=False):
            return answer()
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
