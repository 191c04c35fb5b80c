"""dj-stripe as its documentation sets it up: a Django site with its webhook view, on PostgreSQL. Settings and WSGI.

Its endpoint stores the request and the event, asks Stripe for the object, and stores that. Stripe is a stand-in on this
machine that answers at once (`stripe_stand_in`). There is no order, no ledger and nothing owed.
"""

from __future__ import annotations

import os
import sys

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

settings.configure(
    DEBUG=False,
    SECRET_KEY="of-the-benchmark",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PEER_DATABASE"],
            "HOST": os.environ["PEER_HOST"], "USER": "payonce", "CONN_MAX_AGE": None,
        }
    },
    STRIPE_LIVE_MODE=False,
    STRIPE_TEST_SECRET_KEY="sk_test_ofthebenchmark1234567890",
    STRIPE_API_HOST=os.environ.get("PEER_STRIPE", "http://127.0.0.1:9"),
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    SILENCED_SYSTEM_CHECKS=["djstripe.W001"],
    LOGGING_CONFIG=None,
    # The tables as the models are now; its history of migrations takes minutes.
    MIGRATION_MODULES={"auth": None, "contenttypes": None, "djstripe": None},
)  # fmt: skip
django.setup()
urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]
application = get_wsgi_application()

ENDPOINT = "0190f0a0-0000-7000-8000-000000000001"


def prepare() -> None:
    """Make the tables and the endpoint."""
    from django.core.management import call_command
    from djstripe.models import Account, WebhookEndpoint

    call_command("migrate", run_syncdb=True, verbosity=0)
    account = Account.objects.create(
        id="acct_of_the_benchmark", livemode=False, stripe_data={"id": "acct_of_the_benchmark"}
    )
    WebhookEndpoint.objects.create(
        id="we_of_the_benchmark", secret=os.environ["STRIPE_WEBHOOK_SECRET"], enabled_events=["*"], livemode=False,
        url="http://127.0.0.1/", status="enabled", djstripe_uuid=ENDPOINT, djstripe_owner_account=account,
        djstripe_validation_method="verify_signature", stripe_data={"id": "we_of_the_benchmark"},
    )  # fmt: skip


if __name__ == "__main__" and sys.argv[1:] == ["prepare"]:
    prepare()
