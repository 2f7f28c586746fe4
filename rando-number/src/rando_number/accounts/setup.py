"""Flask-Security with our pages, our forms and our rules for addresses."""

from __future__ import annotations

from functools import wraps
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask import (
    Flask,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue, RouteCallable
from flask_login import logout_user
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore
from flask_security.forms import SendConfirmationForm
from flask_security.utils import validate_redirect_url
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from flask_prepaid.languages.words import gettext as _

from .. import mails
from ..callers import signed_in
from ..columns import utc_now
from ..edge import languages
from ..extensions import db
from ..mails import SecurityMails
from ..models import Passkey, Role, User
from ..rate_limits import guesses, known_browsers, rates
from ..rate_limits import mails as mail_limits
from . import (
    closing,
    free_credits,
    greetings,
    own_data,
    passkeys,
    second_factor,
    second_press,
    sign_ins,
    words,
)
from .passkeys import Ceremonies, MadePasskeyForm, NewPasskeyForm, PasskeyAnswerForm, PasskeyLoginForm
from .passwords import Passwords
from .proofs import first_proof, last_moment, links, new_address, reset_links, wanted_page
from .proofs.last_moment import cookie_now
from .second_factor import CodeForm, OnceOnly, RescueForm, SetUpForm


class FormGuard(CSRFProtect):  # type: ignore[misc]  # the library is not typed
    """Refuses the form of a browser that says it came from ``http://[bad``; the library fails to read it."""

    def protect(self, apply_exemptions: bool = False) -> None:
        try:
            super().protect(apply_exemptions)
        except ValueError as no_address:
            raise CSRFError("The referrer is no address.") from no_address


csrf = FormGuard()
users = SQLAlchemyUserDatastore(db, User, Role, Passkey)

#: The extension's endpoints that an unconfirmed customer, or Stripe, may reach.
OPEN_TO_ALL = {"prepaid.webhook", "prepaid.return", "prepaid.static"}

#: The pages of API keys, and their calls: free credits can be spent before an address is confirmed.
OF_KEYS = {f"prepaid.{page}" for page in ("keys", "make_key", "limits", "revoke_key")}
OF_KEYS |= {f"prepaid.api_{call}" for call in ("key_list", "key_make", "key_revoke", "budgets", "budget_set")}

#: Forms whose answer must not tell by its time whether an address is known, or confirmed.
TELL_NOTHING = {"security.forgot_password", "security.send_confirmation", "security.change_email"}

TEMPLATES = {
    "SECURITY_LOGIN_USER_TEMPLATE": "accounts/login.html",
    "SECURITY_REGISTER_USER_TEMPLATE": "accounts/register.html",
    "SECURITY_FORGOT_PASSWORD_TEMPLATE": "accounts/forgot_password.html",
    "SECURITY_RESET_PASSWORD_TEMPLATE": "accounts/reset_password.html",
    "SECURITY_CHANGE_PASSWORD_TEMPLATE": "accounts/change_password.html",
    "SECURITY_CHANGE_EMAIL_TEMPLATE": "accounts/change_email.html",
    "SECURITY_SEND_CONFIRMATION_TEMPLATE": "accounts/send_confirmation.html",
    "SECURITY_VERIFY_TEMPLATE": "accounts/verify.html",
}


class SignInForm(LoginForm):
    """The form without "remember me": its cookie would open an account whose sessions have all been ended."""

    remember = None


class ConfirmationForm(SendConfirmationForm):
    """The form for another link. It answers all addresses alike, known or not, and refuses what is none.

    The address that this browser has registered, or asked a link for, stands in it already.
    """

    def __init__(self, *fields: Any, **more: Any) -> None:
        super().__init__(*fields, **more)
        if request.method == "GET":
            self.email.data = self.email.data or session.get(links.MAILED)

    def validate(self, **more: Any) -> bool:
        if find_by_email(self.email.data or "") is None:
            self.form_errors.append(_("Write the whole address, such as pat@example.com."))
            return False
        session[links.MAILED] = self.email.data
        return bool(super().validate(**more))


def find_by_email(identity: str) -> str | None:
    """The address that was typed at sign-in, normalized; ``None`` if it is not an address."""
    try:
        address = validate_email(identity, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return address.normalized.lower()


def account_named(identity: str) -> str | None:
    """What stands for the account that was typed at sign-in until it has another password.

    It is the address where there is no such account, and ``None`` if that is none.
    """
    address = find_by_email(identity)
    if address is None:
        return None
    return db.session.scalar(select(User.fs_uniquifier).where(User.email == address)) or address


def mailbox_named(identity: str) -> str:
    """The mailbox where mails to an address arrive, however a form writes it."""
    return free_credits.mailbox_of(find_by_email(identity) or identity)


def init_app(app: Flask) -> None:
    app.config.from_mapping(TEMPLATES)
    app.config.from_mapping(passkeys.SETTINGS)
    app.config.from_mapping(second_factor.settings(app.config["TOTP_SECRET"]))
    app.config["SECURITY_USER_IDENTITY_ATTRIBUTES"] = [{"email": {"mapper": find_by_email}}]
    app.config["SECURITY_DATETIME_FACTORY"] = utc_now  # its own has no zone
    mails.init_app(app)
    csrf.init_app(app)
    csrf.exempt(languages.blueprint)  # it looks itself where its form comes from
    sign_ins.init_app(app)  # before Flask-Security, which asks at once who is signed in
    app.before_request(second_press.answer_again)
    security = Security(
        app,
        users,
        mail_util_cls=SecurityMails,
        password_util_cls=Passwords,
        totp_cls=OnceOnly,
        login_form=SignInForm,
        send_confirmation_form=ConfirmationForm,
        two_factor_setup_form=SetUpForm,
        two_factor_verify_code_form=CodeForm,
        two_factor_rescue_form=RescueForm,
        webauthn_util_cls=Ceremonies,
        wan_register_form=NewPasskeyForm,
        wan_register_response_form=MadePasskeyForm,
        wan_signin_form=PasskeyLoginForm,
        wan_signin_response_form=PasskeyAnswerForm,
    )
    words.init_app(app, security)
    security.want_json(lambda request: False)  # pages alone: its JSON says of an address whether it is known
    # No sign-in by a token in a header or a query: a session, or an API key.
    security.login_manager.request_loader(lambda request: None)
    views = app.view_functions
    views["security.register"] = once(views["security.register"])
    if security.confirmable:  # else a registration says that an address is taken
        views["security.register"] = rates.steady(without_sign_in(views["security.register"]))
        app.before_request(confirmed_buyers_only)
    for endpoint in TELL_NOTHING & views.keys():
        views[endpoint] = rates.steady(views[endpoint])
    limit_tries(app)
    links.init_app(app)
    wanted_page.init_app(app)
    app.before_request(forms_only)
    app.before_request(sound_next)
    reset_links.init_app(app)
    second_factor.init_app(app)
    passkeys.init_app(app)
    first_proof.init_app(app)
    greetings.init_app(app)
    new_address.init_app(app)
    free_credits.init_app(app)
    closing.init_app(app)
    own_data.init_app(app)
    last_moment.init_app(app)
    second_press.init_app(app)


def limit_tries(app: Flask) -> None:
    mail_limits.guard(app, mailbox_named, account_named)
    guesses.guard_accounts(app, account_named)
    known_browsers.init_app(app)


#: What reads JSON, or looks by itself at what it reads. All else are pages: their forms take JSON for a form.
READS_JSON = {"api", "prepaid"}


def forms_only() -> None:
    """Refuse JSON at the pages: a field would hold a number, a list or an object in place of a text."""
    if request.is_json and request.blueprint not in READS_JSON:
        abort(415)


def sound_next() -> None:
    """Refuse a way back that is no address: Flask-Security takes it apart, and stumbles."""
    if request.blueprint != "security":
        return
    for way_back in (request.args.get("next"), request.form.get("next")):
        try:
            validate_redirect_url(way_back or "/")
        except ValueError:
            abort(400)


def once(register: RouteCallable) -> RouteCallable:
    """Answer a registration that came twice at once as one of an address that is known."""

    @wraps(register)
    def registered() -> ResponseReturnValue:
        flashes = list(session.get("_flashes", []))
        try:
            answer: ResponseReturnValue = current_app.ensure_sync(register)()
        except IntegrityError:  # the other one was first
            db.session.rollback()
            session["_flashes"] = flashes
            answer = current_app.ensure_sync(register)()
        return answer

    return registered


def without_sign_in(register: RouteCallable) -> RouteCallable:
    """Sign nobody in at a registration: it leads to the page that says what comes next.

    A registration looks the same so, whether its address is new or known: its cookie, too.
    """

    @wraps(register)
    def registered() -> ResponseReturnValue:
        is_sent = request.method == "POST" and signed_in() is None
        if is_sent:
            wanted_page.remember(request.values.get("next"))
        before = cookie_now()
        answer = make_response(current_app.ensure_sync(register)())
        if request.method == "POST" and signed_in() is not None:
            flashes = session.get("_flashes", [])
            logout_user()
            session.clear()
            session.update(before, _flashes=flashes)
        if not (is_sent and answer.location):
            return answer
        session[links.MAILED] = find_by_email(request.form.get("email", ""))
        return redirect(url_for("links.check_mail"))

    return registered


def confirmed_buyers_only() -> ResponseReturnValue | None:
    """Refuse the buying pages to an unconfirmed address: it may be somebody else's.

    The page is shown once the address is confirmed.
    """
    user = signed_in()
    is_open = request.blueprint != "prepaid" or request.endpoint in OPEN_TO_ALL | OF_KEYS
    if is_open or user is None or user.confirmed_at:
        return None
    if request.method == "GET" and not str(request.endpoint).startswith("prepaid.api_"):
        wanted_page.remember(request.full_path.rstrip("?"))
    return render_template("accounts/confirm_first.html"), 403
