"""Mails: sent by the mail server in the background, or kept as files that test mode shows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from email import message_from_bytes, policy
from email.message import EmailMessage as Message
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, render_template
from flask.typing import ResponseReturnValue
from flask_mailman import EmailMultiAlternatives, Mail
from flask_security import MailUtil
from flask_security.utils import localize_callback

from flask_prepaid import signals
from flask_prepaid.languages.choice import current, written_in

from .callers import signed_in
from .extensions import db

log = logging.getLogger(__name__)
blueprint = Blueprint("mails", __name__)

#: How many of the last mails are read, and how many are shown.
MAX_READ = 500
MAX_SHOWN = 50


#: Which setting of Flask-Security has the subject of a mail, by its template.
SUBJECTS = {
    "change_email_instructions": "CHANGE_EMAIL_SUBJECT",
    "change_notice": "EMAIL_SUBJECT_PASSWORD_CHANGE_NOTICE",
    "confirmation_instructions": "EMAIL_SUBJECT_CONFIRM",
    "reset_instructions": "EMAIL_SUBJECT_PASSWORD_RESET",
    "reset_notice": "EMAIL_SUBJECT_PASSWORD_NOTICE",
    "welcome": "EMAIL_SUBJECT_REGISTER",
    "welcome_existing": "EMAIL_SUBJECT_REGISTER",
}

#: What a user has done, by its template. The other mails have a link that proves the address, or follow one.
NOTICES = {"change_notice"}


class SecurityMails(MailUtil):
    """Sends Flask-Security's mails as ``send`` does, and keeps addresses in lower case.

    ``Ann@`` and ``ann@`` are one customer, and one index finds both. An address that may be somebody else's
    gets no notice: whoever registered it could have any number of them sent.
    """

    def normalize(self, email: str) -> str:
        return super().normalize(email).lower()

    def validate(self, email: str) -> str:
        return super().validate(email).lower()

    def send_mail(
        self, template: str, subject: str, recipient: Any, sender: Any, body: Any, html: Any, **context: Any
    ) -> None:
        """Send it in the language of its account. Flask-Security has worded it in that of the request.

        What it is about is written first: no mail tells of a change that is refused.
        """
        db.session.flush()
        name = template.rpartition("/")[2]
        user, named = context.get("user"), SUBJECTS.get(name)
        if name in NOTICES and user is not None and user.is_unproven:
            return
        if user is None or named is None:
            send(recipient, subject, body)
            return
        with in_language(user.language):
            subject = localize_callback(current_app.config[f"SECURITY_{named}"])
            send(recipient, subject, render_template(f"{template}.txt", **context))


def init_app(app: Flask) -> None:
    Mail(app)
    app.register_blueprint(blueprint)


def send(to: str, subject: str, body: str, **values: object) -> None:
    """Send a mail of an account in the background; a failure is only logged.

    An answer that waits for the mail server, or fails with it, would tell a stranger whether
    there is somebody to write to.

    :param values: What takes the place of each ``{name}`` in the subject and the body, such as words that
        somebody has typed.
    """
    composed = current_app.extensions["prepaid"].compose_mail(subject, body, **values)
    mail = written(to, composed.subject, composed.text, composed.html)
    if current_app.config["MAIL_BACKEND"] == "smtp":
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        Thread(target=deliver, args=[app, mail]).start()
    else:
        send_now(mail)


def in_language(chosen: str | None) -> AbstractContextManager[None]:
    """Write in the language that an account has chosen; in that of the request where it has chosen none."""
    return written_in(chosen or current())


def send_from_outbox(address: str, subject: str, text: str, *, html: str) -> None:
    """Send a mail of the extension's now. Whatever goes wrong is raised: the outbox sends it again later."""
    send_now(written(address, subject, text, html))


def written(to: str, subject: str, body: str, html: str) -> EmailMultiAlternatives:
    """A mail as it is sent. One that the outbox sends again has the same id, by which mailboxes keep one."""
    host = urlsplit(current_app.config["BASE_URL"]).hostname or "localhost"
    id = signals.message_id()
    mail = EmailMultiAlternatives(
        subject, body, to=[to], headers={"Message-ID": f"<{id}@{host}>"} if id else None
    )
    mail.attach_alternative(html, "text/html")
    mail.connection = mail.get_connection()
    return mail


def send_now(mail: EmailMultiAlternatives) -> None:
    """Send a mail, and close the connection, which the library leaves open where the server refuses."""
    try:
        mail.send()
    finally:
        mail.connection.close()


def deliver(app: Flask, mail: EmailMultiAlternatives) -> None:
    """Send a mail from a thread, which has no app of its own; whatever goes wrong is one line of the log."""
    try:
        with app.app_context():
            send_now(mail)
    except Exception as error:  # nobody waits for this thread, so its traceback would say nothing to anybody
        log.error("a mail was not sent: %s", type(error).__name__)


@blueprint.get("/mails")
def kept() -> ResponseReturnValue:
    """The mails that no server sent, newest first; only in test mode.

    They hold links that open accounts. So a customer sees only their own. Somebody who is not
    signed in sees them only where the shop is served to this machine alone.
    """
    if not current_app.config["TEST_MODE"] or current_app.config["MAIL_BACKEND"] != "file":
        abort(404)
    user = signed_in()
    if user is None and not served_to_this_machine_alone():
        abort(404)
    mails = islice(newest(None if user is None else user.email), MAX_SHOWN)
    return render_template("mails.html", mails=[fields_of(mail) for mail in mails], reader=user)


def served_to_this_machine_alone() -> bool:
    """Whether customers reach the shop here only, by the base URL: a connection may be a proxy's."""
    return urlsplit(current_app.config["BASE_URL"]).hostname in ("127.0.0.1", "localhost", "::1")


def newest(reader: str | None) -> Iterator[Message]:
    """The last mails, or those of them that went to ``reader``."""
    folder = Path(current_app.config["MAIL_FILE_PATH"])
    recent = sorted(folder.glob("*.log"), reverse=True)[:MAX_READ]  # their names begin with the second
    for file in sorted(recent, key=lambda file: file.stat().st_mtime_ns, reverse=True):
        if reader in (None, receiver_of(file)):  # a whole mail is read only where it is shown
            yield message_from_bytes(file.read_bytes(), policy=policy.default)


def receiver_of(file: Path) -> str:
    with file.open("rb") as mail:
        return parseaddr(BytesHeaderParser().parse(mail)["To"])[1].lower()


def fields_of(mail: Message) -> dict[str, Any]:
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return {
        **{name.lower(): str(mail[name]) for name in ("Subject", "To")},
        "date": mail["Date"].datetime,
        "text": text.rstrip("\n-"),
    }
