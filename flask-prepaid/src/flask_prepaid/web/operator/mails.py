"""Every mail as its reader gets it, with made-up values, in test mode alone; and why one was not sent."""

from __future__ import annotations

from flask import Flask, Response, abort, current_app, make_response, request
from flask.typing import ResponseReturnValue

from ..mailing import mails
from ..mailing.mail_content import WrittenMail
from ..mailing.mail_samples import samples
from . import page

#: A mail program runs nothing of a mail either. The styles of a mail stand at its tags.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)

#: How wide a mail is drawn; a telephone shows the first alone, as wide as itself.
WIDTHS = {"telephone": 390, "computer": 640}

#: What Python calls it where a mailer reaches no mail server, and where the server says no.
NO_ANSWER = {
    *("ConnectionRefusedError", "ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError"),
    *("TimeoutError", "gaierror", "OSError", "SMTPConnectError", "SMTPServerDisconnected"),
}
REFUSED = {
    "SMTPAuthenticationError": "Our mail server did not take the shop's user and password.",
    "SMTPRecipientsRefused": "Our mail server refused the address.",
    "SMTPSenderRefused": "Our mail server refused the sender's address.",
    "SMTPDataError": "Our mail server refused the text.",
}


def why_not_sent(error: str) -> str:
    """What the log of mails keeps, in words. A mistake of ours keeps its name, as in the log of the app."""
    if error in NO_ANSWER:
        return "Our mail server did not answer."
    if error in REFUSED:
        return REFUSED[error]
    if error.isidentifier():  # the class of an exception; what withholds a mail gives several words
        return f"This app failed, and its log says where: {error}"
    return f"It was held back: {error}."


def previews() -> ResponseReturnValue:
    """One mail in both widths, with its text, and the way to all others. 404 where money is real."""
    _only_in_test_mode()
    names = list(samples())
    name = request.args.get("mail", names[0])
    written = _written(name)
    return page.render("mails.html", names=names, name=name, mail=written, widths=WIDTHS)


def preview(name: str) -> Response:
    """A mail's HTML by itself. 404 where money is real."""
    _only_in_test_mode()
    response = make_response(_written(name).html)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _only_in_test_mode() -> None:
    page.operator()
    if page.context().config.livemode:
        abort(404)


def _written(name: str) -> WrittenMail:
    sample = samples().get(name)
    if sample is None:
        return abort(404)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    context = page.context()
    return mails.worded(context, app, sample.mail, dict(sample.values), context.config.time_zone)
