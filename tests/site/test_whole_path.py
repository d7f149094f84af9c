"""The way of the sample from the HTTP call over Kafka and back, with all parts in place (architecture 2)."""

import pytest
from django.test import Client

from tests.whole_path import Lease, ready, until

pytestmark = pytest.mark.timeout(120)


def test_s020_an_external_system_answers_the_sample_process(
    transactional_db: None, gateway: None, bike_stock: None, client: Client
) -> None:
    ready(client)
    taken, refused = Lease(client, "TRAIL-300"), Lease(client, "CARGO-500")
    assert taken.reservation()["error"] is None
    assert refused.reservation()["error"] == "Cargo 500 is out of stock."
    until(lambda: [row.state for row in taken.requests()] == ["sent"], "the broker's acknowledgement")
    until(lambda: refused.node == "Offer other bike", "the other branch")
    taken.end()
