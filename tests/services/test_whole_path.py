"""The sample process on PostgreSQL and a real Kafka, with the broker killed in the middle (architecture 2)."""

import pytest
from django.core.management import call_command
from django.test import Client

from tests.services.kafka_server import KafkaServer
from tests.whole_path import Lease, ready

pytestmark = pytest.mark.timeout(180)


def test_s020_the_sample_is_answered_on_real_servers_and_after_a_crash_of_the_broker(
    transactional_db: None, kafka: KafkaServer, gateway: None, bike_stock: None, client: Client
) -> None:
    ready(client)
    call_command("topics", create=True)
    before = Lease(client, "TRAIL-300")
    assert before.reservation()["error"] is None
    kafka.kill()
    meanwhile = [Lease(client, "CARGO-500"), Lease(client, "CITY-120")]
    assert [lease.status["tokens"][0]["currentNodeName"] for lease in meanwhile] == ["Bike reserved"] * 2
    kafka.start()
    assert [lease.reservation()["error"] for lease in meanwhile] == ["Cargo 500 is out of stock.", None]
    before.end()
    for lease in (before, *meanwhile):
        assert [row.state for row in lease.requests()] == ["sent"]
