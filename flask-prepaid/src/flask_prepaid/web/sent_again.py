"""How a form or a call that is sent again under its key is told from another that took the same key."""

from __future__ import annotations

from flask import request

from ..payments import wishes
from ..payments.wishes import Wish
from . import forms

#: What of a form is one wish: the same token with another of these is refused.
CHOICES = ("pack", "credits", "plan", "quantity")


def is_call_with_key() -> bool:
    """Whether this request is a call of the API that names a key."""
    return (forms.attempt() or "").startswith("json:")


def wish() -> Wish:
    """What this request asks for, by the name that it gives."""
    return Wish(forms.attempt(), digest())


def digest() -> str | None:
    """A digest of what this request asks for; ``None`` where no key names it.

    Of a call it is that of all that was sent. Of a form it is that of its choices, and whether a card on file
    pays: a page that was gone back to may well name another card.
    """
    if forms.attempt() is None:
        return None
    sent = forms.sent()
    if is_call_with_key():
        return wishes.digest({**sent, "/": str(request.endpoint)})
    return wishes.digest({name: sent.get(name, "") for name in CHOICES} | {"/": bool(sent.get("saved_card"))})
