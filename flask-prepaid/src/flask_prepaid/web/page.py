"""What every page needs: the app behind it, its customer, and its frame."""

from __future__ import annotations

from copy import copy
from typing import Any, Protocol

from flask import (
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from prepaid_ledger.errors import PrepaidError

from ..errors import NotSignedIn, PayersOnly
from ..keys.verbs import AppKeys
from ..languages.words import gettext, marked
from ..outbox.webhooks.endpoints import OutboxContext
from . import csrf
from .mailing.mail_content import WrittenMail
from .programs import API, wants_json
from .visitors.team import Team, everybody_pays

#: A page whose state may still change loads itself again after so many seconds.
REFRESH_S = 3

#: What is served to whoever asks, of what stands at our addresses.
OF_NO_CUSTOMER = ("prepaid.static", "prepaid.webhook", "prepaid.operator")

#: The call of JSON that is also for those of a team who do not pay.
OF_MEMBERS = f"prepaid.{API}budgets"

#: Where a request keeps, for each owner, whether who asks pays.
_PAYS = "prepaid.pays"


class PageContext(OutboxContext, Protocol):
    """What a page may know of the app, beside what every layer knows."""

    @property
    def app_keys(self) -> AppKeys | None:
        """The API keys of this app; ``None`` where it has none."""

    @property
    def team(self) -> Team:
        """Who of an owner's people asks, who of them pays, and what they are called."""

    def current_owner(self) -> str | None:
        """The customer of this request, or ``None`` when nobody is signed in."""

    def send_mail(self, address: str, mail: WrittenMail) -> None:
        """Hand a mail to the host; nothing where it wants none."""


def context() -> PageContext:
    """The extension of the app that serves this request."""
    prepaid: PageContext = current_app.extensions["prepaid"]
    return prepaid


def customer() -> str:
    """The owner that this request is about. A browser of nobody is led to the host's login, if there is one.

    :raises NotSignedIn: Nobody is signed in, and a program asks.
    """
    owner = context().current_owner()
    if owner is not None:
        return owner
    login = getattr(current_app, "login_manager", None)
    if login is not None and (login.unauthorized_callback or not wants_json()):
        return abort(make_response(login.unauthorized()))
    raise NotSignedIn("Sign in first.")


def pays() -> bool:
    """Whether who asks may pay for the owner; where nobody is signed in, the host is not asked.

    The guard, banners and templates of one request want to know it: the host is asked once for each owner.
    """
    prepaid = context()
    owner = None if prepaid.team.pays is everybody_pays else prepaid.current_owner()
    if owner is None:
        return True
    answers: dict[str, bool] = request.environ.setdefault(_PAYS, {})
    if owner not in answers:
        answers[owner] = prepaid.team.pays()
    return answers[owner]


def keep_to_payers() -> None:
    """Let nobody see or change what is paid for a team but those who pay for it.

    :raises PayersOnly: Who is signed in is none of them.
    """
    if not (request.endpoint or "").startswith((*OF_NO_CUSTOMER, OF_MEMBERS)) and not pays():
        raise PayersOnly(marked("Only those who pay for your team can open this. Ask one of them."))


def render(template: str, **values: Any) -> str:
    """A page in the host's frame, or in the extension's own."""
    prepaid = context()
    if isinstance(error := values.get("error"), PrepaidError):
        values["error"] = translated(error)
    return render_template(
        f"prepaid/{template}",
        prepaid=prepaid,
        prepaid_base=prepaid.config.base_template,
        prepaid_csrf=csrf.field,
        prepaid_config=prepaid.config,
        **values,
    )


def translated(error: PrepaidError) -> PrepaidError:
    """The error with its message in the reader's language, where it is a whole sentence of ours."""
    shown = copy(error)
    shown.args = (gettext(str(error)),)
    return shown


def done(endpoint: str, words: str) -> Response:
    """Back to a page of ours after a form that has done its work, with a sentence that says so."""
    flash(words, "success")
    return make_response(redirect(url_for(endpoint), 303))


def refreshing(html: str, address: str | None = None) -> Response:
    """A page that loads itself again in a moment, since its state may still change.

    :param address: Where it goes then, if that is another one.
    """
    response = make_response(html)
    response.headers["Refresh"] = f"{REFRESH_S}; url={address}" if address else str(REFRESH_S)
    return response


def home() -> str:
    """The host's own front page; where it has none, the page where credits are bought."""
    rules = current_app.create_url_adapter(request)
    if rules is not None and rules.test("/", method="GET"):
        return f"{request.root_path}/"
    return url_for("prepaid.buy")


def way_back(endpoint: str) -> str:
    """Where Stripe's page sends a customer who has paid; Stripe puts the id of its session in."""
    return with_session(url_for(endpoint, _external=True))


def with_session(url: str) -> str:
    """An address to which Stripe adds the id of its session."""
    return with_value(url, "session_id", "{CHECKOUT_SESSION_ID}")


def with_value(url: str, name: str, value: str) -> str:
    """An address with one more value, in front of what a script reads after ``#``."""
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{name}={value}{mark}{fragment}"
