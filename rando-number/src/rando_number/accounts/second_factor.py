"""One-time codes by an authenticator app, each taken once, and recovery codes for a lost phone."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, current_app, g, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_security import (
    Totp,
    TwoFactorRescueForm,
    TwoFactorSetupForm,
    TwoFactorVerifyCodeForm,
    tf_disabled,
    tf_profile_changed,
)
from flask_security.utils import check_and_get_token_status
from wtforms import RadioField, StringField

from flask_prepaid.languages.words import gettext as _
from flask_prepaid.languages.words import marked

from .. import audit_log
from ..callers import customer, signed_in
from ..models import Action, User
from ..owners import owner_of

if TYPE_CHECKING:
    from flask_security import UserMixin


#: How long the code of a new app may be typed in.
SETUP_WITHIN = timedelta(minutes=30)

#: What is not the code, at sign-in and as an app is set up.
WRONG_CODE = marked("This is not the code that the app shows now. Wait for the next one, and type that.")

#: Our words in place of Flask-Security's, and how each is shown.
MESSAGES = {
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (marked("Two-step sign-in is on."), "success"),
    "TWO_FACTOR_DISABLED": (marked("Two-step sign-in is off."), "success"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (marked("You are signed in."), "success"),
    "TWO_FACTOR_SETUP_EXPIRED": (marked("This took more than %(within)s. Begin again."), "error"),
    "TWO_FACTOR_INVALID_TOKEN": (WRONG_CODE, "error"),
    "INVALID_RECOVERY_CODE": (marked("This is none of your codes, or it was used before."), "error"),
    "NO_RECOVERY_CODES_SETUP": (marked("You have no recovery codes yet."), "info"),
}


class OnceOnly(Totp):
    """A code is taken once, and only from its own half-minute or the one beside it."""

    def get_last_counter(self, user: UserMixin) -> int | None:
        return cast(User, user).tf_last_counter

    def set_last_counter(self, user: UserMixin, tmatch: Any) -> None:
        cast(User, user).tf_last_counter = tmatch.counter


class SetUpForm(TwoFactorSetupForm):
    """The pressed button names the method: the authenticator, or "disable"."""

    setup = StringField()


class CodeForm(TwoFactorVerifyCodeForm):
    """The code that the app shows. After a wrong one its field is empty, and ready for the next."""

    def validate(self, **kwargs: Any) -> bool:
        is_right = bool(super().validate(**kwargs))
        if not is_right:
            self.await_next()
        return is_right

    def await_next(self) -> None:
        self.code.data = None
        self.code.render_kw = {**self.code.render_kw, "autofocus": True}


class RescueForm(TwoFactorRescueForm):
    """A user who has lost the phone uses a recovery code; nothing else is offered."""

    help_setup = RadioField(choices=list, validate_choice=False)


def settings(secret: str) -> dict[str, Any]:
    """Flask-Security's settings.

    :param secret: Encrypts what is kept of a customer's factor; without it none of them works any more.
    """
    return {
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "SECURITY_TWO_FACTOR_SETUP_WITHIN": SETUP_WITHIN,
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_TOTP_SECRETS": {"1": secret},
        "SECURITY_TOTP_ISSUER": "Rando Number",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N": 8,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_KEYS": [
            base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest())
        ],
        "SECURITY_TWO_FACTOR_SETUP_TEMPLATE": "accounts/two_factor_setup.html",
        "SECURITY_TWO_FACTOR_VERIFY_CODE_TEMPLATE": "accounts/two_factor_code.html",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_TEMPLATE": "accounts/recovery_codes.html",
        "SECURITY_MULTI_FACTOR_RECOVERY_TEMPLATE": "accounts/recovery.html",
        **{f"SECURITY_MSG_{name}": words for name, words in MESSAGES.items()},
    }


def init_app(app: Flask) -> None:
    views = app.view_functions
    views["security.two_factor_setup_validate"] = to_the_end(views["security.two_factor_setup_validate"])
    tf_profile_changed.connect(set_up, app)
    tf_disabled.connect(switched_off, app)
    app.before_request(only_halfway_in)


def only_halfway_in() -> ResponseReturnValue | None:
    """Keep signed-in users off the page of the code: Flask-Security would sign them out."""
    if request.endpoint == "security.two_factor_token_validation" and signed_in() is not None:
        return redirect(url_for("pages.home"))
    return None


def to_the_end(validate: RouteCallable) -> RouteCallable:
    """After a wrong code show the same QR code again, and after a right one the recovery codes.

    The phone has read that QR code already. Flask-Security would begin anew, and end without recovery codes.
    """

    @wraps(validate)
    def validated(token: str) -> ResponseReturnValue:
        flashes = list(session.get("_flashes", []))
        answer = make_response(current_app.ensure_sync(validate)(token=token))
        if "factor" in g:  # it was taken: see set_up
            return redirect(url_for("security.mf_recovery_codes", show_codes=1))
        expired, invalid, state = check_and_get_token_status(token, "tf_setup", SETUP_WITHIN)
        if expired or invalid:
            return answer
        session["_flashes"] = flashes
        return same_code_again(token, state)

    return validated


def same_code_again(token: str, state: dict[str, Any]) -> ResponseReturnValue:
    """The page with the QR code as it was, and what is wrong at the field of the code."""
    totp = current_app.extensions["security"].totp_factory
    shown = totp.fetch_setup_values(state["totp_secret"], customer())
    form = CodeForm(formdata=None)
    form.await_next()
    form.code.errors = [_(WRONG_CODE)]
    return render_template(
        "accounts/two_factor_setup.html",
        two_factor_verify_code_form=form,
        chosen_method="authenticator",
        changing=True,
        state_token=token,
        authr_qrcode=shown["image"],
        authr_key=shown["key"],
    ), 422


def set_up(app: Flask, user: User, **extra: Any) -> None:
    audit_log.note(Action.SECOND_FACTOR_SET, actor=owner_of(user.id))
    if not user.mf_recovery_codes:
        app.extensions["security"].mf_recovery_codes_util.create_recovery_codes(user)
    g.factor = "set"


def switched_off(app: Flask, user: User, **extra: Any) -> None:
    audit_log.note(Action.SECOND_FACTOR_OFF, actor=owner_of(user.id))
