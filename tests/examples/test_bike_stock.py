"""The sample external system, run as what it is: a foreign program beside a broker (S-020)."""

import ast
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer

from engine.kafka.embedded import EmbeddedBroker

PROGRAM = Path(__file__).parents[2] / "examples" / "bike_stock.py"
REQUESTS, REPLIES = "warehouse.bike.reserve.v1", "ai.flowx.dev.engine.receive.bike.reserved.v1"
LIMIT_S = 30.0


@dataclass
class Stock:
    """The running program, with a client on each side of it."""

    process: subprocess.Popen[str]
    producer: Producer
    consumer: Consumer

    def ask(self, body: Any, headers: list[tuple[str, Any]] | None = None, key: str = "an-instance") -> Message:
        """Send a request and give the answer to it."""
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.producer.produce(REQUESTS, value, key=key, headers=headers or [])
        assert self.producer.flush(10) == 0
        return self.reply()

    def reply(self) -> Message:
        """The next answer."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            record = self.consumer.poll(0.2)
            if record is not None and record.error() is None:
                return record
        return pytest.fail("bike_stock gave no answer")


@pytest.fixture
def stock(fresh_broker: EmbeddedBroker) -> Iterator[Stock]:
    """bike_stock.py as an OS process on a broker of this test alone."""
    address = {"bootstrap.servers": fresh_broker.bootstrap, "log_level": 0}
    process = subprocess.Popen(
        [sys.executable, PROGRAM, "--bootstrap", fresh_broker.bootstrap, "--group-protocol", "consumer"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    consumer = Consumer(
        address
        | {"group.id": "test", "group.protocol": "consumer", "auto.offset.reset": "earliest"}
        | {"topic.metadata.refresh.interval.ms": 500}
    )
    consumer.subscribe([f"^{REPLIES}$"])
    yield Stock(process, Producer(address), consumer)
    consumer.close()
    process.kill()
    process.communicate()


def test_s020_a_program_without_project_imports_answers_over_the_broker(stock: Stock) -> None:
    asked = str(uuid.uuid4())
    headers = [
        ("processInstanceId", "7"),
        ("processInstanceUuid", "u"),
        ("jwt", "secret"),
        ("Fx-MessageId", asked),
        ("anything", b"\xff"),
    ]
    answer = stock.ask({"model": "TRAIL-300"}, headers, key="u")
    body = json.loads(answer.value())
    assert (body["error"], body["price"], body["bike"]["name"]) == (None, 59.9, "Trail 300")
    assert body["reservationId"].startswith("R-")
    assert answer.key() == b"u"
    sent_back = dict(answer.headers())
    assert sent_back == {
        "processInstanceId": b"7",
        "processInstanceUuid": b"u",
        "anything": b"\xff",
        "Fx-InReplyTo": asked.encode(),
        "Fx-MessageId": str(uuid.uuid5(uuid.UUID(asked), f"{REPLIES}/1")).encode(),
    }

    again = stock.ask({"model": "TRAIL-300"}, headers, key="u")
    assert (again.value(), again.headers()) == (answer.value(), answer.headers())


def test_s020_it_always_answers_and_tells_what_is_wrong(stock: Stock) -> None:
    refused = {
        "CARGO-500": ("Cargo 500 is out of stock.", b"NOT_AVAILABLE"),
        "BOAT-1": ("There is no model BOAT-1.", b"NOT_FOUND"),
        "": ("The field model is missing.", b"INVALID_REQUEST"),
    }
    for model, (sentence, code) in refused.items():
        answer = stock.ask({"model": model})
        body = json.loads(answer.value())
        assert (body["error"], body["reservationId"], body["bike"]) == (sentence, None, None)
        assert dict(answer.headers())["Fx-ErrorCode"] == code


def test_s020_the_answer_to_a_huge_request_fits_into_a_record(stock: Stock) -> None:
    answer = json.loads(stock.ask({"model": "y" * 900_000}).value())
    assert answer["error"] == f"There is no model {'y' * 100}...."
    assert stock.process.poll() is None


def test_a_request_that_is_not_json_or_has_no_id_does_not_stop_it(stock: Stock) -> None:
    for broken in (b"{", b""):
        stock.producer.produce(REQUESTS, broken)
    for header in (None, b"not a uuid", b"\xff"):
        answer = stock.ask({"model": "CITY-120"}, [("Fx-MessageId", header)])
        assert json.loads(answer.value())["error"] is None
        assert uuid.UUID(dict(answer.headers())["Fx-InReplyTo"].decode()).version == 5


def test_sigterm_ends_it_cleanly(stock: Stock) -> None:
    stock.ask({"model": "CITY-120"})
    stock.process.send_signal(signal.SIGTERM)
    output, _ = stock.process.communicate(timeout=LIMIT_S)
    assert stock.process.returncode == 0
    assert output.splitlines()[-1] == "bike_stock has stopped"


def test_s020_it_imports_nothing_of_this_project() -> None:
    tree = ast.parse(PROGRAM.read_text())
    imported = {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported - sys.stdlib_module_names == {"confluent_kafka"}
