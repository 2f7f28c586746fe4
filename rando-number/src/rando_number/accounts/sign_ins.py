"""Logout, and sessions that can be ended from here: the cookie names a row, and dies with it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin, user_logged_out
from flask_security import auth_required, password_changed, password_reset, user_authenticated
from sqlalchemy import delete, select
from sqlalchemy.orm.exc import StaleDataError

from flask_prepaid.languages.words import gettext as _
from flask_prepaid.signals import ticked

from .. import audit_log
from ..callers import customer, signed_in
from ..columns import utc_now
from ..edge.files import FILES
from ..extensions import db
from ..models import Action, SignIn, User, end_sign_ins
from ..owners import owner_of

blueprint = Blueprint("sign_ins", __name__)

#: Where the cookie keeps the name of its row.
TOKEN = "sign_in"

#: The day, in UTC, on which the cookie was last sent: the first visit of a day sends it anew.
RENEWED = "renewed"

#: What is answered without the database, whoever asks.
ASK_NOBODY = FILES | {"health.healthz", "health.readyz"}

#: How long a session lasts at most; a fortnight without a visit ends it sooner.
LASTS = timedelta(days=30)

#: Parts of a User-Agent and the browser or system that they stand for; the first that fits counts.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS": "Firefox",
    "Chrome/": "Chrome",
    "CriOS": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def init_app(app: Flask) -> None:
    user_authenticated.connect(begin, app)
    user_logged_out.connect(end, app)
    password_changed.connect(end_others_of, app)
    password_reset.connect(end_others_of, app)
    app.before_request(only_open_ones)
    ticked.connect(forget, app)
    app.register_blueprint(blueprint)


def forget(app: Flask, **more: object) -> None:
    """Delete sign-ins that have lasted as long as one may. Commits."""
    db.session.execute(delete(SignIn).where(SignIn.created_at < utc_now() - LASTS))
    db.session.commit()


def in_plain_words(user_agent: str) -> str:
    """Write a User-Agent as ``Firefox on Windows``; an unknown one as it is."""
    browser = next((name for mark, name in BROWSERS.items() if mark in user_agent), None)
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), None)
    if browser is None:
        return user_agent[:60] or _("unknown")
    return _("%(browser)s on %(system)s", browser=browser, system=system) if system else browser


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def today() -> str:
    return utc_now().date().isoformat()


def begin(app: Flask, user: User, **extra: Any) -> None:
    """Give each sign-in a new token, so that a cookie planted before it opens nothing after it.

    :raises StaleDataError: The password has changed since it was compared.
    """
    token = secrets.token_urlsafe(32)
    session[TOKEN] = token
    session[RENEWED] = today()
    session.permanent = True
    db.session.add(
        SignIn(
            digest=digest_of(token),
            user_id=user.id,
            address=request.remote_addr,
            browser=request.headers.get("User-Agent", "")[:200],
        )
    )
    db.session.flush()  # from here on nobody changes the password before our commit
    if db.session.scalar(select(User.fs_uniquifier).where(User.id == user.id)) != user.fs_uniquifier:
        raise StaleDataError(f"the password of user {user.id} has changed since it was compared")


def end(app: Flask, user: User, **extra: Any) -> None:
    """End the sign-in at logout, so that a copy of the cookie, or of a form that signed in, opens nothing."""
    audit_log.note(Action.SIGNED_OUT, actor=owner_of(user.id))
    end_sign_ins(user.id, SignIn.digest == digest_of(session.pop(TOKEN, "")))
    db.session.commit()


def end_others_of(app: Flask, user: User, **extra: Any) -> None:
    """End every other session of a user whose password is new; this one goes on."""
    end_sign_ins(user.id, SignIn.digest != digest_of(session.get(TOKEN, "")))


def only_open_ones() -> None:
    """Sign out a cookie whose row is gone or too old; a good one lasts another fortnight."""
    if request.endpoint in ASK_NOBODY:
        g._login_user = AnonymousUserMixin()  # whoever asks who it is, the database is not asked
        return
    if "_user_id" not in session:
        return
    began = db.session.scalar(
        select(SignIn.created_at).where(SignIn.digest == digest_of(session.get(TOKEN, "")))
    )
    if began is None or began < utc_now() - LASTS:
        session.clear()  # before anybody has asked it who is signed in
    elif session.get(RENEWED) != today():
        session[RENEWED] = today()


@blueprint.get("/logout")
def logout() -> ResponseReturnValue:
    """Ask first: a link on another site must not sign anybody out."""
    if signed_in() is None:
        return redirect(url_for("pages.home"))
    return render_template("accounts/logout.html")


@blueprint.get("/sessions")
@auth_required("session")
def sessions() -> ResponseReturnValue:
    """Every browser that is signed in."""
    sign_ins = select(SignIn).where(SignIn.user_id == customer().id).order_by(SignIn.created_at.desc())
    return render_template(
        "accounts/sessions.html",
        sign_ins=db.session.scalars(sign_ins).all(),
        this_session=digest_of(session[TOKEN]),
        in_plain_words=in_plain_words,
    )


@blueprint.post("/sessions/end-all")
@auth_required("session")
def end_all() -> ResponseReturnValue:
    """Sign out everywhere, here too. API keys go on. The guard of the forms commits."""
    end_sign_ins(customer().id)
    audit_log.note(Action.SIGN_IN_ENDED, all=True)
    session.clear()
    flash(_("You are signed out everywhere."), "success")
    return redirect(url_for("security.login"), 303)


@blueprint.post("/sessions/end")
@auth_required("session")
def end_one() -> ResponseReturnValue:
    """End the session that ``id`` names, or all but this one. The guard of the forms commits."""
    named = request.form.get("id")
    which = SignIn.digest == named if named else SignIn.digest != digest_of(session[TOKEN])
    if not end_sign_ins(customer().id, which) and named:
        abort(404)
    audit_log.note(Action.SIGN_IN_ENDED, one=bool(named))
    flash(_("That session has ended.") if named else _("Every other session has ended."), "success")
    return redirect(url_for("sign_ins.sessions"), 303)


#: An old sign-in asks for the password again: a browser left open must not end an account.
freshly_signed_in = auth_required(
    "session",
    within=lambda: current_app.config["SECURITY_FRESHNESS"],
    grace=lambda: current_app.config["SECURITY_FRESHNESS_GRACE_PERIOD"],
)
