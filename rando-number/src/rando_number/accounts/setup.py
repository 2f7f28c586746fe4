"""Flask-Security with our pages and our rules for addresses; what a new customer is told; logout."""

from __future__ import annotations

from functools import wraps
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_login import logout_user
from flask_security import (
    LoginForm,
    Security,
    SQLAlchemyUserDatastore,
    change_email_confirmed,
    user_not_registered,
    user_registered,
)
from flask_wtf import CSRFProtect

from .. import audit, mails
from ..callers import signed_in
from ..keys import api_keys
from ..limits import rates
from ..mails import SecurityMails
from ..models import Action, Passkey, Role, User, db, utc_now
from . import closing, passkeys, passwords, second_factor, sign_ins, welcome
from .passkeys import Ceremonies, MadePasskeyForm, NewPasskeyForm, PasskeyAnswerForm, PasskeyLoginForm
from .passwords import Passwords
from .second_factor import OnceOnly, RescueForm, SetUpForm

csrf = CSRFProtect()
users = SQLAlchemyUserDatastore(db, User, Role, Passkey)
blueprint = Blueprint("accounts", __name__)

#: The extension's endpoints that an unconfirmed customer, or Stripe, may reach.
OPEN_TO_ALL = {"prepaid.webhook", "prepaid.return", "prepaid.static"}

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


def find_by_email(identity: str) -> str | None:
    """The address that was typed at sign-in, normalized; ``None`` if it is not an address."""
    try:
        address = validate_email(identity, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return address.normalized.lower()


def init_app(app: Flask) -> None:
    app.config.from_mapping(TEMPLATES)
    app.config.from_mapping(passkeys.SETTINGS)
    app.config.from_mapping(second_factor.settings(app.config["TOTP_SECRET"]))
    app.config["SECURITY_USER_IDENTITY_ATTRIBUTES"] = [{"email": {"mapper": find_by_email}}]
    app.config["SECURITY_DATETIME_FACTORY"] = utc_now  # its own has no zone
    mails.init_app(app)
    csrf.init_app(app)
    sign_ins.init_app(app)  # before Flask-Security, which asks at once who is signed in
    security = Security(
        app,
        users,
        mail_util_cls=SecurityMails,
        password_util_cls=Passwords,
        totp_cls=OnceOnly,
        login_form=SignInForm,
        two_factor_setup_form=SetUpForm,
        two_factor_rescue_form=RescueForm,
        webauthn_util_cls=Ceremonies,
        wan_register_form=NewPasskeyForm,
        wan_register_response_form=MadePasskeyForm,
        wan_signin_form=PasskeyLoginForm,
        wan_signin_response_form=PasskeyAnswerForm,
    )
    # No sign-in by a token in a header or a query: a session, or an API key.
    security.login_manager.request_loader(lambda request: None)
    rates.guard_accounts(app)
    passwords.init_app(app)
    second_factor.init_app(app)
    passkeys.init_app(app)
    views = app.view_functions
    views["security.forgot_password"] = rates.steady(views["security.forgot_password"])
    if security.confirmable:
        views["security.register"] = rates.steady(without_sign_in(views["security.register"]))
        app.before_request(confirmed_buyers_only)
    user_registered.connect(greet, app)
    if not security.confirmable:  # else the mail tells, and the page must not
        user_registered.connect(say_welcome, app)
        user_not_registered.connect(point_to_login, app)
    change_email_confirmed.connect(tell_the_old_address, app)
    welcome.init_app(app)
    api_keys.init_app(app)
    closing.init_app(app)
    app.register_blueprint(blueprint)


def without_sign_in(register: RouteCallable) -> RouteCallable:
    """Sign nobody in at a registration, so that it looks the same whether the address is new or known."""

    @wraps(register)
    def registered() -> ResponseReturnValue:
        answer: ResponseReturnValue = current_app.ensure_sync(register)()
        if request.method == "POST" and signed_in() is not None:
            logout_user()
        return answer

    return registered


def confirmed_buyers_only() -> ResponseReturnValue | None:
    """Refuse the buying pages to an unconfirmed address: it may be somebody else's."""
    user = signed_in()
    if request.blueprint != "prepaid" or request.endpoint in OPEN_TO_ALL or user is None or user.confirmed_at:
        return None
    return render_template("accounts/confirm_first.html"), 403


def greet(app: Flask, user: User, **extra: Any) -> None:
    """Give the free credits in the transaction that makes the customer, or make no customer.

    Flask-Security commits after the view whatever became of it, so what failed is undone here.
    """
    try:
        db.session.flush()
        welcome.greet(user)
    except Exception:
        db.session.rollback()
        raise


def say_welcome(app: Flask, user: User, **extra: Any) -> None:
    if credits := user.account_credits:
        flash(f"Welcome. {credits} credits are yours to try.", "success")
    else:
        flash("Welcome back. Your mailbox has had its free credits before.", "info")


def point_to_login(app: Flask, **extra: Any) -> None:
    flash("That address has an account already. Log in, or reset your password.", "warning")


def tell_the_old_address(app: Flask, user: User, old_email: str, **extra: Any) -> None:
    """Write to the old address, so that a customer whose account was taken over learns of it."""
    audit.note(Action.EMAIL_CHANGED, actor=user.owner)
    mails.send(
        old_email,
        "Your address at Rando Number was changed",
        "Mails go to another address from now on, and the old one opens the account no more.\n\n"
        "If this was not you, answer this mail at once.\n",
    )


@blueprint.get("/logout")
def logout() -> ResponseReturnValue:
    """Ask first: a link on another site must not sign anybody out."""
    if signed_in() is None:
        return redirect(url_for("pages.home"))
    return render_template("accounts/logout.html")
