"""Addresses of the demo's own pages; mounted outside production only."""

from django.urls import path
from django.views.generic import RedirectView

from flowx_site.demo import rider

app_name = "demo"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="demo:rider"), name="home"),
    path("rider/", rider.rider, name="rider"),
    path("login/", rider.login, name="login"),
    path("logout/", rider.logout, name="logout"),
]
