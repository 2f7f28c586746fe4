"""API keys: made and revoked by their owner, shown once, kept as digests."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time

from flask import Blueprint, Flask, abort, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_security import auth_required
from flask_wtf import FlaskForm
from sqlalchemy import case, or_, select, update
from sqlalchemy.exc import IntegrityError
from wtforms import DateField, StringField
from wtforms.validators import Length, Optional, ValidationError

from flask_prepaid import PrepaidError

from .. import audit_log
from ..callers import Caller, customer
from ..errors import ApiError, opens_nothing
from ..models import MAX_ID, Action, ApiKey, User, db, utc_now
from .fields import WholeNumberField
from .key_cache import KeyCache

blueprint = Blueprint("keys", __name__)

PREFIX = "rn_"
MAX_PER_CUSTOMER = 20


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    with app.app_context():
        app.extensions["rando_keys"] = KeyCache(db.engine)


class KeyForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        filters=[lambda name: (name or "").strip()],
        validators=[Length(1, 80, "Give it a name of 1 to 80 characters.")],
    )
    cap_per_month = WholeNumberField(max=1_000_000_000)
    expires_on = DateField(validators=[Optional()])

    def validate_name(self, field: StringField) -> None:
        if not field.data.isprintable():
            raise ValidationError("Leave out line breaks and other characters that can't be seen.")

    def validate_expires_on(self, field: DateField) -> None:
        if field.data is not None and field.data <= utc_now().date():
            raise ValidationError("Choose a day after today.")


@blueprint.get("/api-keys")
@auth_required("session")
def listed() -> ResponseReturnValue:
    return show(KeyForm())


@blueprint.post("/api-keys")
@auth_required("session")
def create() -> ResponseReturnValue:
    """Make a key and show it, this once."""
    form = KeyForm()
    if not form.validate_on_submit():
        return show(form), 422
    user = customer()
    lock(user)  # until the commit: of several at once, each counts those before it
    if len(keys_of(user)) >= MAX_PER_CUSTOMER:
        db.session.rollback()
        form.name.errors = [f"{MAX_PER_CUSTOMER} keys are the most. Revoke one that is not in use."]
        return show(form), 422
    expires = form.expires_on.data
    try:
        secret = make(
            user,
            form.name.data,
            cap_per_month=form.cap_per_month.data,
            expires_at=datetime.combine(expires, time(), UTC) if expires else None,
        )
        db.session.commit()
    except IntegrityError:  # a second click, too, and the first one's answer is not shown any more
        db.session.rollback()
        form.name.errors = ["You have a key of this name. If you did not see it, revoke it and make it anew."]
        return show(form), 422
    return show(KeyForm(formdata=None), made=secret)


@blueprint.post(f"/api-keys/<int(max={MAX_ID}):key_id>/revoke")
@auth_required("session")
def revoke(key_id: int) -> ResponseReturnValue:
    """End a key at once."""
    own_key = (ApiKey.id == key_id, ApiKey.user_id == customer().id, ApiKey.revoked_at.is_(None))
    revoked = db.session.execute(
        update(ApiKey).where(*own_key).values(revoked_at=utc_now()).returning(ApiKey.id)
    )
    if revoked.first() is None:
        abort(404)
    audit_log.note(Action.KEY_REVOKED, key=key_id)
    db.session.commit()
    key_cache().forget()
    flash("The key has been revoked. Calls with it are refused from now on.", "success")
    return redirect(url_for("keys.listed"), 303)


def show(form: KeyForm, made: str | None = None) -> str:
    return render_template("accounts/api_keys.html", form=form, keys=keys_of(customer()), made=made)


def lock(user: User) -> None:
    """Have whoever changes this user wait until we commit. SQLite has one lock for all that write."""
    db.session.execute(update(User).where(User.id == user.id).values(active=User.active))


def keys_of(user: User) -> list[ApiKey]:
    live = select(ApiKey).where(ApiKey.user_id == user.id, ApiKey.revoked_at.is_(None))
    return list(db.session.scalars(live.order_by(ApiKey.id)))


def make(
    user: User, name: str, *, cap_per_month: int | None = None, expires_at: datetime | None = None
) -> str:
    """A new key's secret. It is nowhere else; the caller shows it and commits.

    :param cap_per_month: The most credits that calls with it may take in a calendar month, UTC.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        user_id=user.id,
        name=name,
        start=secret[:8],
        digest=digest_of(secret),
        cap_per_month=cap_per_month,
        expires_at=expires_at,
    )
    db.session.add(key)
    db.session.flush()
    audit_log.note(Action.KEY_MADE, key=key.id)
    return secret


def digest_of(secret: str) -> str:
    """The key has 256 bits of chance, so a plain digest tells nobody anything."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find(secret: str) -> Caller | None:
    """Who calls with ``secret``; ``None`` if it was never made, is revoked or has ended.

    The answer is some seconds old at most. That is enough for a call that buys numbers, since the
    database takes no row for a key that was revoked since. Before any other answer, ``confirm``.
    """
    return key_cache().find(digest_of(secret))


def find_anew(secret: str) -> Caller | None:
    """Who calls with ``secret``, by what the database says now: for calls that buy nothing."""
    return key_cache().find_anew(digest_of(secret))


def confirm(caller: Caller) -> None:
    """Refuse a caller whose key does not open any more.

    :raises ApiError: The key was revoked, or its owner blocked, since it was looked up.
    """
    if caller.key_id is None:
        return
    opens = select(ApiKey.id).join(User, User.id == ApiKey.user_id)
    opens = opens.where(ApiKey.id == caller.key_id, ApiKey.revoked_at.is_(None), User.active)
    if db.session.scalar(opens) is None:
        key_cache().forget()
        raise opens_nothing()


def key_cache() -> KeyCache:
    """The cache of this app's process."""
    cache: KeyCache = current_app.extensions["rando_keys"]
    return cache


@contextmanager
def counted(caller: Caller, credits: int) -> Iterator[None]:
    """Count ``credits`` against the month of the caller's key, and of its owner, while they are spent.

    Counted first, and given back if the spend is refused: a crash between the two, or an
    answer that is not known, leaves the count too high, so that a cap is never exceeded.

    :raises ApiError: The cap of the key, or the owner's limit, does not allow that many.
    """
    if not caller.is_capped:
        yield
        return
    month = f"{utc_now():%Y-%m}"
    if caller.cap_per_month is not None and not count(ApiKey, caller.key_id, credits, month):
        raise key_cap_reached(caller.cap_per_month)
    if caller.spending_limit is not None and not count(User, caller.user_id, credits, month):
        raise spending_limit_reached(caller.spending_limit)
    db.session.commit()
    try:
        yield
    except (PrepaidError, IntegrityError) as refused:
        if isinstance(refused, PrepaidError) and refused.http_status == 503:
            raise  # it may have been spent: the count stays
        if caller.cap_per_month is not None:
            give_back(ApiKey, caller.key_id, credits, month)
        if caller.spending_limit is not None:
            give_back(User, caller.user_id, credits, month)
        db.session.commit()
        raise


def count(model: type[ApiKey | User], row_id: int | None, credits: int, month: str) -> bool:
    """Add ``credits`` to what a month has taken; whether the cap of now allows them. The caller commits."""
    this_month = case((model.month == month, model.used), else_=0)
    within = or_(model.cap_per_month.is_(None), this_month + credits <= model.cap_per_month)
    allowed = (model.id == row_id, within)
    added = update(model).where(*allowed).values(month=month, used=this_month + credits).returning(model.id)
    if db.session.execute(added).first() is not None:
        return True
    db.session.rollback()
    return False


def give_back(model: type[ApiKey | User], row_id: int | None, credits: int, month: str) -> None:
    db.session.execute(
        update(model).where(model.id == row_id, model.month == month).values(used=model.used - credits)
    )


def key_cap_reached(cap: int) -> ApiError:
    advice = f"This key may take {cap} credits a month. Its owner can make another."
    return ApiError(402, "key_cap_reached", advice, cap=cap)


def spending_limit_reached(limit: int) -> ApiError:
    advice = f"The monthly limit of {limit} credits is reached. It can be raised on the usage page."
    return ApiError(402, "spending_limit_reached", advice, limit=limit)
