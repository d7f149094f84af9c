"""Activate and Suspend of timer starts on the Scheduled page (designer 4.5). Doing it again changes nothing."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from engine import rights, timer_starts
from engine.admin.access import staff
from engine.models import TimerStart

OPERATION = "activate and suspend timer starts"


@require_POST
@staff(rights.INSTANCES_ADMIN, OPERATION)
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the schedule start instances from now on."""
    row = get_object_or_404(TimerStart, pk=pk)
    timer_starts.activate(row.process_name, user=request.user.get_username())
    return back(request, f"Activated the timer start of {row.process_name}.")


@require_POST
@staff(rights.INSTANCES_ADMIN, OPERATION)
def suspend(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it start no more; running instances go on."""
    row = get_object_or_404(TimerStart, pk=pk)
    timer_starts.suspend(row.process_name, user=request.user.get_username())
    return back(request, f"Suspended the timer start of {row.process_name}.")


def back(request: HttpRequest, said: str) -> HttpResponse:
    messages.success(request, said)
    return HttpResponseRedirect(reverse("operate:scheduled"))
