"""What is made in the moment in which its maker's sign-in ends: it ends, too.

A request asks at its beginning who is signed in. Until it commits, the owner of the address may have
confirmed it, which ends all that lets others in; a key that is made a moment later would stay.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from flask import Flask, abort, current_app, session
from flask.typing import ResponseReturnValue, RouteCallable
from sqlalchemy import select

from flask_prepaid import ApiKey

from ..callers import owner
from ..models import SignIn, db, prepaid
from .sign_ins import TOKEN, digest_of

#: Views that make another way in, which is committed after them.
MAKERS = (
    "security.wan_register_response",
    "security.two_factor_setup_validate",
    "security.mf_recovery_codes",
)

#: Views that make API keys, and commit them by themselves; the second one with PREPAID_JSON_API alone.
MAKE_KEYS = frozenset({"prepaid.make_key", "prepaid.api_key_make"})


def init_app(app: Flask) -> None:
    """Guard the views; call it after all that wraps them otherwise."""
    for endpoint in MAKERS:
        app.view_functions[endpoint] = committed_in_time(app.view_functions[endpoint])
    for endpoint in MAKE_KEYS & app.view_functions.keys():
        app.view_functions[endpoint] = revoked_if_late(app.view_functions[endpoint])


def committed_in_time(view: RouteCallable) -> RouteCallable:
    """Undo what a view has written if its sign-in has ended. Else that can't end before the commit.

    PostgreSQL locks the sign-in before the view writes, as whoever ends it does: in the other order each
    would wait for the other. SQLite has no such lock, and is asked again by who holds the right to write.
    """

    @wraps(view)
    def guarded(**path: Any) -> ResponseReturnValue:
        if has_ended():
            abort(401)
        answer: ResponseReturnValue = current_app.ensure_sync(view)(**path)
        db.session.flush()
        if has_ended():
            db.session.rollback()
            abort(401)
        return answer

    return guarded


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
    """Whether this request's sign-in has ended since it began. Whoever ends it now waits for our commit."""
    if TOKEN not in session:
        return False
    mine = select(SignIn.digest).where(SignIn.digest == digest_of(session[TOKEN]))
    return db.session.scalar(mine.with_for_update(read=True)) is None
