"""Addresses: the admin site with the designer and the operator screens inside it, the HTTP API, and the demo's rider page."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
]
