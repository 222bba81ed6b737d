"""HTTP to Django, ``/ws/`` to the live hub."""

from __future__ import annotations

import gc
import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_asgi_application()

from dashboard.live.consumer import LiveConsumer, SameOrigin  # noqa: E402  # needs the apps loaded

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": SameOrigin(
            AuthMiddlewareStack(URLRouter([path("ws/live/", LiveConsumer.as_asgi())]))
        ),
    }
)

# What stands now stays: a full collection that walks all of Django takes a tenth of a second each time.
gc.collect()
gc.freeze()
