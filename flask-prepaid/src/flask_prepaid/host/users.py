"""Who the customer is, by the host's Flask-Login: its users, and the key of each that never changes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

from flask import current_app
from sqlalchemy import inspect as inspect_model

from ..errors import ConfigError

OWNER_CURE = (
    "Say who the customer is by what never changes: Prepaid(owner=lambda: "
    'f"user:{current_user.id}" if current_user.is_authenticated else None).'
)
NO_LOGIN = "Who is the customer? Set up Flask-Login, or give Prepaid(owner=...) a function that says it."


def login_owner() -> str | None:
    """Flask-Login's current user as an owner, or ``None`` when nobody is signed in.

    Of a model it is the primary key: what ``get_id`` gives may change with the password.

    :raises ConfigError: The host has no Flask-Login, or the two differ, and it has not said who its
        customers are.
    """
    if not hasattr(current_app, "login_manager"):
        raise ConfigError(NO_LOGIN)
    from flask_login import current_user

    if not current_user.is_authenticated:
        return None
    user = current_user._get_current_object()
    state = inspect_model(user, raiseerr=False)
    if state is None or not hasattr(state, "identity"):
        return f"user:{user.get_id()}"
    if state.identity is None or len(state.identity) != 1:
        raise ConfigError(f"The key of {type(user).__name__} is not one column. {OWNER_CURE}")
    key = str(state.identity[0])
    if user.get_id() != key and not is_of_flask_security(type(user)):
        raise ConfigError(_two_ids(type(user)))
    return f"user:{key}"


def check_user_models(db: Any) -> None:
    """Look at the host's models of users, as far as they are there yet, for one whose ``get_id`` is no key.

    :raises ConfigError: There is one, or no Flask-Login, and the host has not said who its customers are.
    """
    if importlib.util.find_spec("flask_login") is None:
        raise ConfigError(NO_LOGIN)
    registry = getattr(getattr(db, "Model", None), "registry", None)
    for mapper in getattr(registry, "mappers", ()):
        model = mapper.class_
        if not (hasattr(model, "get_id") and hasattr(model, "is_authenticated")):
            continue
        if not is_of_flask_security(model) and _gives_another_id(mapper):
            raise ConfigError(_two_ids(model))


def is_of_flask_security(model: type) -> bool:
    """Whether ``get_id`` is Flask-Security's, which changes with the password and stands for one key."""
    return hasattr(model, "fs_uniquifier")


def _gives_another_id(mapper: Any) -> bool:
    """Whether ``get_id`` gives anything but the primary key; asked on a user of that alone."""
    names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    user = _UserOfKeys(dict.fromkeys(names, 7))
    get_id: Callable[[Any], object] = mapper.class_.get_id
    try:
        return len(names) != 1 or get_id(user) != "7"
    except AttributeError:  # it asks for something else
        return True
    except Exception:  # it cannot be told before there is a user
        return False


class _UserOfKeys:
    """A user of whom nothing but the primary key is known."""

    def __init__(self, keys: Mapping[str, int]) -> None:
        self.__dict__.update(keys)


def _two_ids(model: type) -> str:
    return (
        f"{model.__name__}.get_id() is not its primary key, and may change: a wallet under it would be lost. "
        f"{OWNER_CURE}"
    )
