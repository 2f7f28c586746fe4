"""dj-stripe, as somebody would set it up, on the account at a URL: every model synced, one webhook taken.

``campaigns/djstripe.py`` runs it in an environment of its own. The last line is one JSON object.
"""

# mypy: ignore-errors

from __future__ import annotations

import json
import sys
import threading
import time
import types
import uuid
from io import StringIO
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
import stripe
from django.conf import settings

KEY = "sk_test_abcdefghijklmnopqrstuvwx"  # dj-stripe wants a long one
FAILED = ("error", "exception", "failed")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        """The last line is the outcome."""


def set_up(database):
    stripe.api_key = KEY
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
        DEBUG=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
        ROOT_URLCONF="urls",
        SECRET_KEY="a campaign's",
        STRIPE_LIVE_MODE=False,
        STRIPE_TEST_SECRET_KEY=KEY,
        USE_TZ=True,
    )
    urls = sys.modules["urls"] = types.ModuleType("urls")
    django.setup()
    from django.core.management import call_command
    from django.urls import include, path

    urls.urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
    call_command("migrate", verbosity=0)


def sync_all():
    """The names of the models that were synced, and why each other was not."""
    from django.apps import apps
    from django.core.management import call_command
    from djstripe.models.base import StripeModel

    synced, not_synced = [], {}
    models = apps.get_app_config("djstripe").get_models()
    for model in (model for model in models if issubclass(model, StripeModel)):
        output = StringIO()
        try:
            call_command("djstripe_sync_models", model.__name__, stdout=output, stderr=output)
        except BaseException as error:
            output.write(repr(error))
        if any(word in output.getvalue().lower() for word in FAILED):
            not_synced[model.__name__] = output.getvalue()[-500:]
        else:
            synced.append(model.__name__)
    return synced, not_synced


def take_webhook():
    """Whether an event that the emulator sends is verified and kept."""
    from django.core.wsgi import get_wsgi_application
    from djstripe.models import Event, WebhookEndpoint

    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = uuid.uuid4()
    made = stripe.WebhookEndpoint.create(
        url=f"http://127.0.0.1:{server.server_port}/stripe/webhook/{name}/",
        enabled_events=["*"],
        metadata={"djstripe_uuid": str(name)},
    )
    WebhookEndpoint.sync_from_stripe_data(made, api_key=KEY)
    product = stripe.Product.create(name="Heard of")
    for _ in range(300):
        if Event.objects.filter(type="product.created", data__object__id=product.id).exists():
            return True
        time.sleep(0.1)
    return False


def main():
    stripe.api_base, database = sys.argv[1], sys.argv[2]
    set_up(database)
    synced, not_synced = sync_all()
    outcome = {"synced": synced, "not_synced": not_synced, "webhook": take_webhook()}
    sys.stdout.write(json.dumps(outcome) + "\n")


if __name__ == "__main__":
    main()
