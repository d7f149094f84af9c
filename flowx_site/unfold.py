"""Look of the admin site: the theme's colours, its styles and the sidebar that all staff pages share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

from flowx_site.navigation import sidebar


def style(path: str) -> Any:
    """The theme calls it per request, when static files are ready."""

    def href(request: HttpRequest) -> str:
        return static(path)

    return href


COLORS: dict[str, dict[str, str]] = {
    "base": {
        "50": "#f6f8f9",
        "100": "#eff3f5",
        "200": "#e1e6ea",
        "300": "#b7c1cb",
        "400": "#85919d",
        "500": "#5f6b77",
        "600": "#46525e",
        "700": "#36414d",
        "800": "#27303a",
        "900": "#12171c",
        "950": "#0e1317",
    },
    "primary": {
        "50": "#e6f2f5",
        "100": "#d3e8ed",
        "200": "#a9d0da",
        "300": "#7fb9c7",
        "400": "#6cc5da",
        "500": "#4bb0c8",
        "600": "#12667c",
        "700": "#0e5467",
        "800": "#0a4353",
        "900": "#11303a",
        "950": "#0b222a",
    },
    "font": {
        "subtle-light": "#5f6b77",
        "subtle-dark": "#94a0ac",
        "default-light": "#46525e",
        "default-dark": "#b7c1cb",
        "important-light": "#16202a",
        "important-dark": "#eaeff3",
    },
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Process designer",
    "SITE_HEADER": "Process designer",
    "SITE_SYMBOL": "account_tree",
    "SITE_URL": reverse_lazy("admin:index"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": style("shell/favicon.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": COLORS,
    "BORDER_RADIUS": "6px",
    "STYLES": [style("design/fonts.css"), style("design/unfold-shell.css"), style("shell/admin.css")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": sidebar},
}
