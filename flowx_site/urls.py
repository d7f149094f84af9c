"""Addresses: the admin site with the designer and the operator screens inside it, the HTTP API, and the demo's rider page."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from flowx_site.config import config

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", include("designer.urls")),
    path("admin/runtime/", include("engine.admin.urls")),
    path("admin/", admin.site.urls),
    path("", include("engine.api.urls")),
]
if not config.production:
    urlpatterns.append(path("demo/", include("flowx_site.demo.urls")))
