"""A form of the account that is pressed twice: the second press is answered as the first one was.

A browser shows the answer to its last press. By then the first one has done what it says, and may have ended
the sign-in under which the second was sent: that would be refused, as if nothing had been done.

Each form has a name (``press``). What has been done is kept under it for a minute, in the transaction that
does it, so that of two presses at once the later one finds it. What can be done once more is done once more.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, current_app, flash, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_security import login_user
from markupsafe import Markup
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from flask_prepaid.signals import ticked

from ..callers import signed_in
from ..columns import utc_now
from ..extensions import db, insert_into
from ..models import FormPress, User
from .proofs.last_moment import cookie_now, undo
from .sign_ins import TOKEN

#: So long a second press of a form is taken for one.
KEPT = timedelta(minutes=1)

NAME = re.compile(r"[\w-]{22}", re.ASCII)

RECOVERY_CODES = "security.mf_recovery_codes"

#: The forms, by their endpoints.
FORMS = frozenset(
    {
        RECOVERY_CODES,
        "closing.close",
        "security.change_email_confirm",
        "security.change_password",
        "security.confirm_email",
        "security.register",
        "security.reset_password",
        "security.two_factor_setup",
        "security.two_factor_setup_validate",
        "security.wan_delete",
        "security.wan_register_response",
        "sign_ins.end_all",
        "sign_ins.end_one",
    }
)


@dataclass(frozen=True)
class Press:
    """One press of a form. ``digest`` names the form and all that it sends; ``None``: it has no name."""

    digest: str | None
    before: dict[str, Any]


def init_app(app: Flask) -> None:
    """Guard the forms, and commit what they do; call it after all that wraps their views otherwise."""
    app.jinja_env.globals["press"] = field
    ticked.connect(forget, app)
    for endpoint in FORMS & app.view_functions.keys():
        app.view_functions[endpoint] = guarded(app.view_functions[endpoint])


def forget(app: Flask, **more: object) -> None:
    """Delete what is kept no longer. Commits."""
    delete_old()
    db.session.commit()


def delete_old() -> None:
    db.session.execute(delete(FormPress).where(FormPress.at < utc_now() - KEPT))


def field() -> Markup:
    """The field that names a form. Each time that a page shows it, it is another form."""
    return Markup('<input type="hidden" name="press" value="{}">').format(secrets.token_urlsafe(16))


def answer_again() -> ResponseReturnValue | None:
    """Answer the second press of who is signed out: the first one may have ended that sign-in."""
    if request.method != "POST" or request.endpoint not in FORMS or signed_in() is not None:
        return None
    earlier = kept(press_of_request())
    return None if earlier is None else again(earlier)


def guarded(view: RouteCallable) -> RouteCallable:
    """Answer a press that can't be done any more as the first one of its form was answered."""

    @wraps(view)
    def pressed(**path: Any) -> ResponseReturnValue:
        if request.method != "POST":
            return current_app.ensure_sync(view)(**path)  # type: ignore[no-any-return]
        press = press_of_request()
        is_known = kept(press) is not None
        try:
            answer = make_response(current_app.ensure_sync(view)(**path))
        except (StaleDataError, IntegrityError, HTTPException):
            earlier = kept(press)
            if earlier is None:
                raise
            undo(press.before)
            return again(earlier)
        if is_good(answer, press) and (keep(answer, press) or is_known):
            db.session.commit()
            return answer
        earlier = kept(press)
        if earlier is None:
            return answer
        undo(press.before)
        return again(earlier)

    return pressed


def press_of_request() -> Press:
    before, digest = cookie_now(), None
    if NAME.fullmatch(request.form.get("press", "")):
        sent = urlencode(sorted(request.form.items(multi=True)), errors="surrogatepass")
        key: str = current_app.config["SECRET_KEY"]
        digest = hmac.new(key.encode(), f"{request.path}\n{sent}".encode(), hashlib.sha256).hexdigest()
    return Press(digest, before)


def is_good(answer: Response, press: Press) -> bool:
    """Whether a form has done what it says."""
    if request.endpoint == RECOVERY_CODES:
        return answer.status_code == 200
    return any(category == "success" for category, _ in news(press))


def news(press: Press) -> Sequence[tuple[str, str]]:
    """What has been flashed in this request."""
    old, now = press.before.get("_flashes", []), session.get("_flashes", [])
    return now[len(old) :] if now[: len(old)] == old else now  # type: ignore[no-any-return]


def keep(answer: Response, press: Press) -> bool:
    """Note what a form has done, in the transaction that does it; whether no other press was quicker."""
    if press.digest is None:
        return True
    user, token = signed_in(), session.get(TOKEN)
    anew = user if token is not None and token != press.before.get(TOKEN) else None
    db.session.flush()
    delete_old()
    done = {
        "digest": press.digest,
        "at": utc_now(),
        "leads_to": answer.location or url_for(RECOVERY_CODES, show_codes=1),
        "news": [[category, str(words)] for category, words in news(press)],
        "ends": TOKEN in press.before and token is None,
        "user_id": anew and anew.id,
        "user_version": anew and version_of(anew.id),
    }
    new = insert_into(FormPress).values(done).on_conflict_do_nothing().returning(FormPress.digest)
    return db.session.scalar(new) is not None


def version_of(user_id: int) -> int | None:
    return db.session.scalar(select(User.version).where(User.id == user_id))


def kept(press: Press) -> FormPress | None:
    """What an earlier press of the same form has done, as it is committed now."""
    if press.digest is None:
        return None
    with Session(db.engine, expire_on_commit=False) as session:
        return session.scalar(
            select(FormPress).where(FormPress.digest == press.digest, FormPress.at >= utc_now() - KEPT)
        )


def again(earlier: FormPress) -> ResponseReturnValue:
    """The answer of the first press. Who was signed in anew by it is signed in by this one, too.

    Not where the account has changed since: whoever did that may have ended every sign-in.
    """
    if earlier.user_id is not None and signed_in() is None:
        user = db.session.get(User, earlier.user_id, populate_existing=True)
        if user is not None and user.active and user.version == earlier.user_version:
            login_user(user, authn_via=["again"])
    if earlier.ends:
        session.clear()
    for category, words in earlier.news:
        flash(words, category)
    db.session.commit()
    return redirect(earlier.leads_to, 303)
