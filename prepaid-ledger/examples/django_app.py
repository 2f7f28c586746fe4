"""A Django app that sells reports by API key, in one file: ``python django_app.py runserver``."""

import secrets
import sys
from collections.abc import Callable

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from sqlalchemy import create_engine

from prepaid_ledger import Ledger, PrepaidError

ledger = Ledger(create_engine("sqlite:///credits.sqlite3"))  # yours: the database of DATABASES
ledger.upgrade()
ledger.grant("org:7", 5, key="welcome:7", reason="trial")
OWNERS = {"Bearer secret-of-7": "org:7"}

settings.configure(DEBUG=True, SECRET_KEY="change me", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])


def costs(credits: int) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Hold the credits before the view, take them after it, and give them back if it fails."""

    def priced(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def answer(request: HttpRequest, **parts: str) -> HttpResponse:
            owner = OWNERS.get(request.headers.get("Authorization", ""))
            if owner is None:
                return JsonResponse({"error": "unauthenticated"}, status=401)
            try:
                with ledger.hold(owner, credits, key=f"{request.path[:90]}:{secrets.token_hex(8)}") as hold:
                    response = view(request, **parts)
                    if response.status_code < 400:
                        hold.capture()
                return response
            except PrepaidError as error:
                return JsonResponse({"error": error.code, **error.details}, status=error.http_status)

        return answer

    return priced


@costs(3)
def report(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"pages": 12})


urlpatterns = [path("report", report)]
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
