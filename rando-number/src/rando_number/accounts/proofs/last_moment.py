"""What is made or changed in the moment in which its maker's sign-in ends: it is refused.

A request asks at its beginning who is signed in. Until it commits, the owner of the address may have set a
new password, which ends the sign-in; a password, or a key, that came a moment later would stay.

So each looks once more before it commits, whether its sign-in is still there. Whoever ends sign-ins writes a
new version of the user's row first (``end_sign_ins``): what was begun on an earlier one is not taken.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from flask import Flask, abort, current_app, g, request, session
from flask.typing import ResponseReturnValue, RouteCallable
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from flask_prepaid import ApiKey

from ...callers import owner
from ...extensions import db, prepaid
from ...models import SignIn, User
from ..sign_ins import TOKEN, digest_of

#: Views that make API keys, and commit them by themselves; the second one with PREPAID_JSON_API alone.
MAKE_KEYS = frozenset({"prepaid.make_key", "prepaid.api_key_make"})


def init_app(app: Flask) -> None:
    """Guard the views; call it after all that wraps them otherwise."""
    views = app.view_functions
    for endpoint in [name for name in views if name.startswith("security.")]:
        views[endpoint] = committed_in_time(views[endpoint])
    for endpoint in MAKE_KEYS & views.keys():
        views[endpoint] = revoked_if_late(views[endpoint])


def committed_in_time(view: RouteCallable) -> RouteCallable:
    """Write what a form changes before its view is left, and undo it if its sign-in has ended.

    On PostgreSQL a sign-in can't end from the first look on until the commit. SQLite has no such lock, and
    is asked again by who holds the right to write.
    """

    @wraps(view)
    def guarded(**path: Any) -> ResponseReturnValue:
        if request.method != "POST":
            return current_app.ensure_sync(view)(**path)  # type: ignore[no-any-return]
        if has_ended():
            abort(401)
        before = cookie_now()
        try:
            answer: ResponseReturnValue = current_app.ensure_sync(view)(**path)
            db.session.flush()
            late = has_ended()
        except StaleDataError:
            undo(before)
            if not has_ended():
                raise
            late = True
        if late:
            undo(before)
            abort(401)
        return answer

    return guarded


def cookie_now() -> dict[str, Any]:
    """What the cookie holds, whatever is flashed from now on."""
    kept = dict(session)
    if "_flashes" in kept:  # it grows in place
        kept["_flashes"] = list(kept["_flashes"])
    return kept


def undo(before: dict[str, Any]) -> None:
    """Leave the database, and the cookie, as they were before this request."""
    db.session.rollback()
    session.clear()
    session.update(before)
    g.pop("_login_user", None)


def revoked_if_late(make_key: RouteCallable) -> RouteCallable:
    """Revoke a key that was made after its maker's sign-in had ended.

    Who ends a sign-in revokes the keys after it: either sees the key, or is seen here.
    """

    @wraps(make_key)
    def guarded(**path: Any) -> ResponseReturnValue:
        maker = owner()
        before = keys_of(maker)
        answer: ResponseReturnValue = current_app.ensure_sync(make_key)(**path)
        if maker is None or not has_ended():
            return answer
        for key_id in keys_of(maker) - before:
            prepaid.revoke_key(maker, key_id)
        db.session.commit()
        return abort(401)

    return guarded


def keys_of(owner: str | None) -> set[int]:
    return set(db.session.scalars(select(ApiKey.id).where(ApiKey.owner == owner)))


def has_ended() -> bool:
    """Whether this request's sign-in has ended since it began. Whoever ends it now waits for our commit.

    PostgreSQL locks the user's row, then the sign-in, as whoever ends it does: in another order each would
    wait for the other.
    """
    if TOKEN not in session:
        return False
    mine = SignIn.digest == digest_of(session[TOKEN])
    user = select(User.id).join(SignIn, SignIn.user_id == User.id).where(mine)
    db.session.execute(user.with_for_update(of=User, key_share=True))
    return db.session.scalar(select(SignIn.digest).where(mine).with_for_update(read=True)) is None
