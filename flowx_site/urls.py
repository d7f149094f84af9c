"""Addresses: the admin site, which begins at the reader's own list, with the designer and the operator screens inside it,
the HTTP API, and the demo's rider page."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from flowx_site.config import config
from flowx_site.start import icon, start

handler403 = "flowx_site.errors.refused"
handler404 = "flowx_site.errors.missing"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", icon),
    path("admin/", start),
    path("admin/all/", admin.site.admin_view(admin.site.index), name="all-pages"),
    path("admin/", include("designer.urls")),
    path("admin/runtime/", include("engine.admin.urls")),
    path("admin/", admin.site.urls),
    path("", include("engine.api.urls")),
]
if not config.production:
    urlpatterns.append(path("demo/", include("flowx_site.demo.urls")))
