"""API keys and budgets: list, make, revoke, and limit what each key, or all together, may spend."""

from __future__ import annotations

from prepaid_ledger import BudgetSummary

from ...keys import keys
from ...keys.models import id_of
from ...languages import units
from .. import forms, page
from ..pages import keys as key_page
from ..pages import limits
from . import shapes
from .shapes import KeysAnswer, NewKeyAnswer


def key_list(owner: str) -> KeysAnswer:
    """The keys that open, and their budgets and the wallet's."""
    context = page.context()
    live = keys.live(context.session, owner)
    spenders = {None, *(key.spender for key in live)}
    return KeysAnswer(
        [
            shapes.Key(
                key.id, key.name, key.start, key.spender, key.created_at, key.expires_at, key.last_used_at
            )
            for key in live
        ],
        [
            budget(each)
            for each in context.ledger.budgets(owner)
            if each.spender in spenders or not id_of(each.spender)
        ],
    )


def budget(each: BudgetSummary) -> shapes.Budget:
    return shapes.Budget(
        id_of(each.spender),
        each.spender,
        each.every,
        units.plain(each.credits),
        units.plain(each.spent),
        each.resets_at,
    )


def key_make(owner: str) -> NewKeyAnswer:
    """Make a key, with a limit if one is sent. Its secret is shown this once."""
    made = key_page.make_key(owner)
    return NewKeyAnswer(made.id, made.secret, made.spender)


def key_revoke(owner: str, key_id: str) -> KeysAnswer:
    """End a key at once."""
    key_page.revoke_key(owner, limits.number_of(key_id))
    return key_list(owner)


def budget_set(owner: str) -> KeysAnswer:
    """Set what one key, or all together, may spend; or take that limit away."""
    sent = forms.sent()
    limits.save_limit(owner, limits.key_named(owner, sent.get("key")), remove="limit" not in sent)
    return key_list(owner)
