"""Whose request it is, a customer's in a browser or a program's with a key, and from where it came."""

from __future__ import annotations

from flask import current_app, request, url_for
from flask_security import current_user

from flask_prepaid import Caller

from .models import User
from .owners import user_id_of


def caller_of(user: User) -> Caller:
    """The caller that a customer is in a browser."""
    return Caller(user.owner)


def user_id(caller: Caller) -> int:
    """The user whose wallet pays."""
    number = user_id_of(caller.owner)
    assert number is not None, f"{caller.owner} is no wallet of this shop"
    return number


def signed_in() -> User | None:
    """The user of this request's session."""
    return current_user._get_current_object() if current_user.is_authenticated else None


def customer() -> User:
    """The user of this request, in a view that only signed-in users reach."""
    user = signed_in()
    assert user is not None, f"a view of {current_app.name} forgot auth_required"
    return user


def owner() -> str | None:
    """The wallet of this request; ``None`` if nobody is signed in."""
    user = signed_in()
    return user.owner if user else None


def from_our_pages() -> bool:
    """Whether our own page asks: the browser says so, and another site can't make it lie."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    source = request.headers.get("Origin") or request.headers.get("Referer") or ""
    return f"{source}/".startswith(request.host_url)


def way_back(path: str) -> str:
    """A page of this shop, by its path and query; the home page in place of anything else."""
    ours = path.startswith("/") and path[1:2] not in ("/", "\\")
    return path if ours and path.isprintable() else url_for("pages.home")
