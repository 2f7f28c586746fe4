"""What a line of the audit log says in a sentence, for the operator who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from flask_prepaid.languages import formats

from ..models import Action, AuditLine

#: What to call an owner.
Names = Mapping[str, str]


def owners_in(lines: Iterable[AuditLine]) -> set[str]:
    """Everybody whom these lines name."""
    return {owner for line in lines for owner in (line.actor, line.detail.get("owner")) if owner}


def sentence(line: AuditLine, names: Names) -> str | None:
    """What was done, without who did it; ``None`` where no words are known for it."""
    if line.action == Action.OPERATED:
        return done_by_operator(line.detail, names)
    write = BY_CUSTOMERS.get(line.action)
    return None if write is None else worded(write, line.detail)


def worded(write: Callable[..., str], *given: Any) -> str | None:
    """What ``write`` makes of a line; ``None`` if the line does not have what the sentence needs."""
    try:
        return write(*given)
    except (KeyError, TypeError, ValueError):
        return None


def done_by_operator(detail: Mapping[str, Any], names: Names) -> str | None:
    write = BY_OPERATORS.get(detail.get("did", ""))
    if write is None:
        return None
    owner = detail.get("owner")
    words = worded(write, detail, names.get(owner, owner) if owner else "")
    reason = detail.get("reason")
    return f"{words}: {reason}" if words and reason else words


def counted(credits: int) -> str:
    return "1 credit" if credits == 1 else f"{credits:,} credits"


def granted(detail: Mapping[str, Any], name: str) -> str:
    return f"gave {counted(detail['credits'])} to {name}"


def corrected(detail: Mapping[str, Any], name: str) -> str:
    credits = detail["credits"]
    return f"took {counted(-credits)} from {name}" if credits < 0 else f"added {counted(credits)} to {name}"


def refunded(detail: Mapping[str, Any], name: str) -> str:
    amount = formats.amount(detail["amount_minor"], detail["currency"])
    return f"refunded {amount} of payment {detail['payment']} to {name}"


def plan_changed(detail: Mapping[str, Any], name: str) -> str:
    to = f" to {detail['plan']}" if detail.get("plan") else ""
    return f"plan of {name}: {detail['done']}{to}"


def code_handled(detail: Mapping[str, Any], name: str) -> str:
    if "credits" not in detail:
        return f"code {detail['code']}"
    times = f", at most {detail['max_claims']:,} times" if detail.get("max_claims") else ""
    return f"made code {detail['code']} for {counted(detail['credits'])}{times}"


def run_again(detail: Mapping[str, Any], name: str) -> str:
    if "event" in detail:
        return f"ran {detail['event']} again"
    whose = f" of {name}" if name else ""
    return f"ran {detail['events']:,} events{whose} again"


#: What operators do, by the extension's word for it.
BY_OPERATORS: dict[str, Callable[[Mapping[str, Any], str], str]] = {
    "note": lambda detail, name: f"wrote a note about {name}",
    "grant": granted,
    "adjust": corrected,
    "refund": refunded,
    "review": lambda detail, name: f"reviewed payment {detail['payment']} of {name}",
    "plan": plan_changed,
    "block": lambda detail, name: f"{'blocked' if detail['blocked'] else 'unblocked'} {name}",
    "codes": code_handled,
    "replay": run_again,
    "mend": lambda detail, name: "mended what differed from Stripe",
    "download": lambda detail, name: f"downloaded {detail['file']}",
}


def limit_set(detail: Mapping[str, Any]) -> str:
    whose = f" of {detail['spender']}" if detail.get("spender") else ""
    if detail["limit"] is None:
        return f"removed the limit{whose}"
    every = f" a {detail['every']}" if detail.get("every") else ""
    return f"set the limit{whose} to {counted(detail['limit'])}{every}"


def alert_set(detail: Mapping[str, Any]) -> str:
    threshold = detail["threshold"]
    when = {
        "balance": f"at fewer than {counted(threshold)}",
        "budget": f"at {threshold} % of a limit",
        "lapse": f"{threshold} {'day' if threshold == 1 else 'days'} before credits lapse",
    }[detail["kind"]]
    return f"{'set an alert' if detail['on'] else 'removed the alert'} {when}"


def refused(words: str, detail: Mapping[str, Any]) -> str:
    return f"{words}: {detail['method']} {detail['path']}"


#: How somebody came to be signed in, by Flask-Security's words for it.
WAYS_IN = {
    "register": "on registering",
    "confirm": "on confirming the address",
    "reset": "on choosing a new password",
    "change": "on changing the password",
    "again": "on pressing twice",
    "password": "by password",
    "webauthn": "by passkey",
    "email": "by mail",
    "token": "by a link",
    "authenticator": "by a code of the app",
    "recovery": "by a recovery code",
}


def signed_in(detail: Mapping[str, Any]) -> str:
    ways = [WAYS_IN.get(way, way) for way in detail.get("by") or ()]
    return " ".join(("signed in", " and ".join(ways))).strip()


def always(words: str) -> Callable[[Mapping[str, Any]], str]:
    """Gives these words, whatever the line has beside."""
    return lambda detail: words


#: What everybody does for themself.
BY_CUSTOMERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    Action.REGISTERED: always("registered"),
    Action.SIGNED_IN: signed_in,
    Action.SIGNED_OUT: always("signed out"),
    Action.PASSWORD_CHANGED: always("changed the password"),
    Action.PASSWORD_RESET: always("reset the password by mail"),
    Action.EMAIL_CHANGED: always("changed the email address"),
    Action.ADDRESS_CONFIRMED: always("confirmed the email address"),
    Action.SECOND_FACTOR_SET: always("set up a second factor"),
    Action.SECOND_FACTOR_OFF: always("turned the second factor off"),
    Action.PASSKEY_ADDED: always("added a passkey"),
    Action.PASSKEY_REMOVED: always("removed a passkey"),
    Action.SIGN_IN_ENDED: lambda detail: "ended a session" if detail.get("one") else "ended every session",
    Action.KEY_MADE: lambda detail: f"made API key {detail['key']}",
    Action.KEY_REVOKED: lambda detail: f"revoked API key {detail['key']}",
    Action.LIMIT_SET: limit_set,
    Action.ALERT_SET: alert_set,
    Action.WEBHOOK_SET: lambda detail: f"webhook {detail['endpoint']}: {detail['done']}",
    Action.DATA_EXPORTED: always("downloaded all of their data"),
    Action.ACCOUNT_CLOSED: always("closed the account"),
    Action.SIGN_IN_REFUSED: always("was refused a sign-in"),
    Action.RATE_LIMITED: partial(refused, "too many requests"),
    Action.REFUSED: partial(refused, "was refused"),
}
