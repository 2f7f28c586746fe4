"""What every page needs: the extension of this app, its customer, and its frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import abort, current_app, make_response, render_template, request, url_for

from . import csrf

if TYPE_CHECKING:
    from ..extension import Prepaid


def extension() -> Prepaid:
    prepaid: Prepaid = current_app.extensions["prepaid"]
    return prepaid


def customer() -> str:
    """The owner that this request is about. Nobody: to the host's login, by Flask-Login if it has one."""
    owner = extension().current_owner()
    if owner is not None:
        return owner
    login = getattr(current_app, "login_manager", None)
    return abort(make_response(login.unauthorized()) if login else 401)


def render(template: str, **context: Any) -> str:
    """A page in the host's frame, or in the extension's own."""
    prepaid = extension()
    return render_template(
        f"prepaid/{template}",
        prepaid=prepaid,
        prepaid_base=prepaid.config.base_template,
        prepaid_csrf=csrf.field,
        prepaid_home=home,
        prepaid_config=prepaid.config,
        **context,
    )


def home() -> str:
    """The host's own front page; where it has none, the page where credits are bought."""
    rules = current_app.create_url_adapter(request)
    if rules is not None and rules.test("/", method="GET"):
        return f"{request.root_path}/"
    return url_for("prepaid.buy")
