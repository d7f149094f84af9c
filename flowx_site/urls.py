"""Addresses: the admin site with the designer and the operator screens inside it, the HTTP API, and the demo's rider page."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", include("designer.urls")),
    path("admin/", admin.site.urls),
    path("", include("engine.api.urls")),
]
