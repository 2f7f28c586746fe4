"""Webhooks of the customer's: their endpoints, what each was sent, and what it answered."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import UnknownItem
from ...languages.words import gettext as _
from ...languages.words import marked
from ...outbox.webhooks import customer_events, endpoints, sent_webhooks
from ...outbox.webhooks.http import is_quoted
from .. import forms, page

#: Deliveries on one page.
SHOWN = 25


def listing() -> ResponseReturnValue:
    return overview(page.customer())


def overview(owner: str, error: UnknownItem | None = None) -> str:
    context = page.context()
    return page.render(
        "endpoints.html",
        endpoints=endpoints.of(context.session, owner),
        events=customer_events.WEBHOOK_EVENTS,
        error=error,
        written=forms.line(request.form, "url", max_length=1_000) if error else "",
        chosen=request.form.getlist("events") if error else [],
        max=endpoints.MAX_ENDPOINTS,
    )


def add() -> ResponseReturnValue:
    """Add an endpoint, and show its secret."""
    owner, context = page.customer(), page.context()
    try:
        row = endpoints.add(context, owner, request.form.get("url", ""), request.form.getlist("events"))
    except UnknownItem as error:
        return overview(owner, error), error.http_status
    return detail(owner, row.id, secret=row.secret, is_new=True)


def endpoint(endpoint_id: str) -> ResponseReturnValue:
    return detail(page.customer(), number_of(endpoint_id))


def detail(owner: str, endpoint_id: int, *, secret: str | None = None, is_new: bool = False) -> str:
    """An endpoint with what it was sent; with its secret where that was asked for."""
    context = page.context()
    before = forms.row_id(request.args.get("before", ""))
    sent = sent_webhooks.sent(context, owner, endpoint_id, limit=SHOWN + 1, before=before)
    row = endpoints.find(context.session, owner, endpoint_id)
    is_well = row.failing_since is None and row.off_because is None
    return page.render(
        "endpoint.html",
        endpoint=row,
        refused=None if is_well else sent_webhooks.last_refused(context.session, row),
        is_quoted=is_quoted,
        sent=sent[:SHOWN],
        older=sent[SHOWN - 1].delivery.id if len(sent) > SHOWN else None,
        before=before,
        secret=secret,
        is_new=is_new,
    )


def reveal(endpoint_id: str) -> ResponseReturnValue:
    """Show the secret, which a page shows only when it is asked for."""
    owner, number = page.customer(), number_of(endpoint_id)
    return detail(owner, number, secret=endpoints.reveal(page.context(), owner, number))


def rotate(endpoint_id: str) -> ResponseReturnValue:
    """Sign under a new secret, and for a day under the one before, too."""
    endpoints.rotate(page.context(), page.customer(), number_of(endpoint_id))
    return back_to(endpoint_id, _("It has a new secret. For a day the one from before signs, too."))


def switch(endpoint_id: str) -> ResponseReturnValue:
    """On or off, as the form's ``on`` says.

    :raises UnknownItem: It says neither.
    """
    owner = page.customer()
    on = forms.one_of("on", ("0", "1"), marked("Say whether to switch it on or off.")) == "1"
    endpoints.switch(page.context(), owner, number_of(endpoint_id), on=on)
    return back_to(endpoint_id, _("It is on. What waited is sent now.") if on else _("It is off."))


def remove(endpoint_id: str) -> ResponseReturnValue:
    endpoints.remove(page.context(), page.customer(), number_of(endpoint_id))
    return page.done("prepaid.endpoints", _("The endpoint is gone. It is sent nothing more."))


def test(endpoint_id: str) -> ResponseReturnValue:
    """Send a test now, and say what came of it."""
    posted = sent_webhooks.test(page.context(), page.customer(), number_of(endpoint_id))
    if not posted.error:
        return back_to(endpoint_id, _("The test arrived: it answered %(status)s.", status=posted.status))
    why = _(posted.error)
    if posted.status:
        words = _("The test did not arrive: it answered %(status)s. %(why)s", status=posted.status, why=why)
    else:
        words = _("The test did not arrive: %(why)s", why=why)
    return back_to(endpoint_id, words, "warning")


def again(endpoint_id: str) -> ResponseReturnValue:
    """Send a message once more."""
    owner, delivery = page.customer(), number_of(request.form.get("delivery", ""))
    try:
        sent_webhooks.send_again(page.context(), owner, delivery)
    except UnknownItem as error:
        return back_to(endpoint_id, _(str(error)), "warning")
    return back_to(endpoint_id, _("It is sent again within a minute."))


def back_to(endpoint_id: str, words: str, category: str = "success") -> ResponseReturnValue:
    """The endpoint's page, with those deliveries that were shown where the button was pressed."""
    flash(words, category)
    before = forms.row_id(request.form.get("before", ""))
    return redirect(url_for("prepaid.endpoint", endpoint_id=endpoint_id, before=before), 303)


def number_of(text: str) -> int:
    """
    :raises NotYours: It is no number of a row.
    """
    return forms.named_row(text, marked("There is no such endpoint."))
