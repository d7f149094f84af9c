"""A lease of the sample process over the HTTP API, for the tests that go the whole way with all parts in place."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from designer.sample import load_sample
from engine.models import Instance, OutboxMessage, Timer
from flowx_site.first_run import set_up

LIMIT_S = 60.0


def until(look: Callable[[], Any], what: str) -> Any:
    """Call `look` until it gives something true; fails with `what` when the time is up."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    return pytest.fail(f"not seen in {LIMIT_S} s: {what}")


class Lease:
    """One instance of the sample, with its form sent off."""

    def __init__(self, client: Client, model: str) -> None:
        self._client = client
        started = self._post("/api/process/bicycle_leasing_request/start", {})
        self.uuid: str = started["uuid"]
        self.action = f"/api/process/{self.uuid}/token/{started['tokens'][0]['uuid']}/action"
        rider = {"firstName": "Ada", "lastName": 'Quote" ${x}', "bikeModel": model, "heightCm": 171}
        self._post(f"{self.action}/submit_rider_details/execute", {"application": {"client": rider}})

    def _post(self, path: str, body: Any) -> Any:
        answer = self._client.post(path, body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def end(self) -> None:
        """The lease is signed, the operator lets the cooling-off period be over, and the lease is active."""
        until(lambda: self.node == "Sign lease", "the offer to sign")
        self._post(f"{self.action}/sign_lease/execute", {"lease": {"signedBy": "Ada"}})
        until(lambda: self.node == "Cooling-off, 14 days", "the end of the delay of five seconds")
        timer = Timer.objects.get(instance_id=Instance.objects.get(uuid=self.uuid).pk, state="PENDING")
        command = f"/api/process/{self.uuid}/operations/run-timer"
        self._post(command, {"timer": timer.pk, "reason": "Let the lease begin"})
        until(lambda: self.status["state"] == "FINISHED", "the end of the lease")

    @property
    def node(self) -> str:
        """Where the first token is."""
        name: str = self.status["tokens"][0]["currentNodeName"]
        return name

    @property
    def status(self) -> Any:
        """The status answer."""
        return self._client.get(f"/api/process/{self.uuid}/status").json()

    def requests(self) -> list[OutboxMessage]:
        """The rows of the outbox for the request to the warehouse."""
        instance = Instance.objects.get(uuid=self.uuid)
        return list(OutboxMessage.objects.filter(instance_id=instance.pk, topic="warehouse.bike.reserve.v1"))

    def reservation(self) -> Any:
        """The external system's answer, as soon as it is in the instance."""
        return until(lambda: self.status["params"].get("reservation"), "the external system's answer")


def ready(client: Client) -> None:
    """Groups, sample and a logged-in user."""
    set_up()
    load_sample()
    client.force_login(get_user_model().objects.create_superuser("ada"))
