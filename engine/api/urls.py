"""Addresses of the HTTP API and of the signs of life."""

from django.urls import URLPattern, URLResolver, path

from engine.api.health import healthz, readyz
from engine.api.site import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", api.urls),
    path("healthz", healthz),
    path("readyz", readyz),
]
