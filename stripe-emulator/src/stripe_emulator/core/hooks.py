"""Turns in an object's life that files on the floors above hear of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Hook(Generic[P]):
    """A turn in an object's life, called like a function by the file where it happens.

    ``server.load`` says in one place, and once, which functions follow it and in which order.
    """

    def __init__(self) -> None:
        self.followers: tuple[Callable[P, None], ...] = ()

    def leads_to(self, *followers: Callable[P, None]) -> None:
        """Call these, in this order."""
        assert not self.followers, "it has been said already what follows this hook"
        self.followers = followers

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        assert self.followers, "nothing follows this hook: call server.load.load() first"
        for follower in self.followers:
            follower(*args, **kwargs)
