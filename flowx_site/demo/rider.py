"""The page that plays the rider, a plain frontend on `static/flowx/client.js`, and the small login that it needs.

The rider is no member of staff, so the admin site's login is closed to him. The pages exist outside production only; they hold no
rule of the process: all they do goes through the HTTP API and the websocket, like any web app.
"""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

LOGIN = reverse_lazy("demo:login")
RIDER = reverse_lazy("demo:rider")

# The firm's catalogue, as its web shop would know it: model code, name, price a month, in stock, sort of bicycle.
BIKES = (
    ("TRAIL-300", "Trail 300", "59.90", True, "trail"),
    ("CITY-120", "City 120", "39.90", True, "city"),
    ("ROAD-210", "Road 210", "54.50", True, "road"),
    ("CARGO-500", "Cargo 500", "89.00", False, "cargo"),
)


@require_safe
@ensure_csrf_cookie
@login_required(login_url=LOGIN)
def rider(request: HttpRequest) -> HttpResponse:
    """The page; its script takes over from here."""
    return render(request, "demo/rider.html", {"bikes": BIKES})


login = LoginView.as_view(template_name="demo/login.html", next_page=RIDER)
logout = LogoutView.as_view(next_page=LOGIN)
