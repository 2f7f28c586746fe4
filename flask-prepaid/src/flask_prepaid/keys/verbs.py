"""The verbs of API keys that ``Prepaid`` has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, current_app, has_app_context
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger, check_owner

from .. import checks
from ..errors import ConfigError
from ..uncommitted import note_write
from . import keys
from .cache import KeyCache
from .keys import NewKey
from .models import ApiKey
from .setup import Keys


@dataclass(frozen=True)
class AppKeys:
    """What one app has of keys: what its host says of them, and those used a moment ago."""

    setup: Keys
    cache: KeyCache

    @classmethod
    def open(
        cls,
        app: Flask,
        engine: Engine,
        setup: Keys,
        blocked_among: Callable[[Collection[str]], Collection[str]],
    ) -> AppKeys:
        """The keys of ``app``, with none of them remembered yet.

        :param blocked_among: Which of these owners the host has shut out; it is called in the app's context.
        """

        def blocked_here(owners: Collection[str]) -> Collection[str]:
            if has_app_context() and current_app._get_current_object() is app:  # type: ignore[attr-defined]
                return blocked_among(owners)
            with app.app_context():  # in a thread of the fast path
                return blocked_among(owners)

        return cls(setup, KeyCache(engine, blocked_here))


class KeyVerbs(ABC):
    """What can be done with API keys. Those that write do so in your transaction: commit afterwards."""

    @property
    @abstractmethod
    def session(self) -> Session:
        """The host's session of this request."""

    @property
    @abstractmethod
    def ledger(self) -> Ledger:
        """The books, on that session."""

    @property
    @abstractmethod
    def app_keys(self) -> AppKeys | None:
        """The keys of this app; ``None`` where it has none."""

    def make_key(self, owner: str, *, name: str, expires_at: datetime | None = None) -> NewKey:
        """Make an API key for a program of ``owner``, in your transaction. Show its ``secret`` now, once.

        :param name: What it is for, in 1 to 80 characters; one key of each name.
        :param expires_at: When it ends by itself, with a time zone; by default never.
        :raises UnknownItem: It may not be; the message is for the owner, ``field`` names what is wrong.
        :raises ConfigError: This ``Prepaid`` has no keys.
        """
        made = keys.make(self.session, self.require_keys().setup, owner, name, expires_at)
        note_write(self.session)
        return made

    def keys(self, owner: str) -> list[ApiKey]:
        """The owner's keys that are not revoked, the oldest first.

        Each has ``id``, ``name``, ``start``, ``expires_at`` and ``last_used_at``.
        """
        check_owner(owner)
        return keys.live(self.session, owner)

    def revoke_key(self, owner: str, key_id: int) -> bool:
        """End a key, in your transaction; whether that is new. From your commit on it buys nothing anywhere.

        A hold that is open stays: what it pays for was begun before.

        :raises ValueError: ``key_id`` is no number. To end all of an owner's keys, call ``revoke_keys``.
        """
        return bool(self._revoke(owner, checks.row_id("key_id", key_id)))

    def revoke_keys(self, owner: str) -> int:
        """End all keys of an owner, in your transaction; how many there were."""
        return len(self._revoke(owner, None))

    def require_keys(self) -> AppKeys:
        """
        :raises ConfigError: This ``Prepaid`` has no keys.
        """
        if self.app_keys is None:
            raise ConfigError("This Prepaid has no API keys: write Prepaid(..., keys=True).")
        return self.app_keys

    def _revoke(self, owner: str, key_id: int | None) -> list[int]:
        check_owner(owner)
        ended = keys.revoke(self.session, self.ledger, owner, key_id)
        note_write(self.session)
        if self.app_keys is not None:
            self.app_keys.cache.forget()
        return ended
